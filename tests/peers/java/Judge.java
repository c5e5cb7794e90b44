import com.ibm.watsonx.ai.chat.ChatHandler;
import com.ibm.watsonx.ai.chat.ChatResponse;
import com.ibm.watsonx.ai.chat.ChatService;
import com.ibm.watsonx.ai.chat.model.AssistantMessage;
import com.ibm.watsonx.ai.chat.model.ChatMessage;
import com.ibm.watsonx.ai.chat.model.ChatParameters;
import com.ibm.watsonx.ai.chat.model.CompletedToolCall;
import com.ibm.watsonx.ai.chat.model.FinishReason;
import com.ibm.watsonx.ai.chat.model.PartialChatResponse;
import com.ibm.watsonx.ai.chat.model.SystemMessage;
import com.ibm.watsonx.ai.chat.model.Tool;
import com.ibm.watsonx.ai.chat.model.UserMessage;
import com.ibm.watsonx.ai.chat.model.schema.JsonSchema;
import com.ibm.watsonx.ai.core.auth.Authenticator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The unmodified Java SDK for watsonx.ai judges the gateway. Reads SLUICEGATE_URL, SLUICEGATE_KEY, SLUICEGATE_USER_KEY (of
 * a user who may not read the model DENIED_MODEL), MODEL and MODE. Prints {@code ok NAME} for each check and stops at the
 * first that fails.
 */
public final class Judge {
    private static final String URL = given("SLUICEGATE_URL");
    private static final String KEY = given("SLUICEGATE_KEY");
    private static final String USER_KEY = given("SLUICEGATE_USER_KEY");
    private static final String MODEL = given("MODEL");
    private static final String DENIED_MODEL = given("DENIED_MODEL");
    private static final String MODE = given("MODE");
    private static final Ways WAYS = new Ways(URL, MODE, true);
    private static final ChatService CHAT = chat(WAYS.usual(KEY), MODEL);
    private static final List<ChatMessage> MESSAGES =
            List.of(SystemMessage.of("Be short."), UserMessage.text("What is a sluice? \u6c34"));
    private static final Tool WEATHER = Tool.of("get_weather", "The weather of a place.", place());

    /** What the model is asked to write as JSON. */
    record Place(String city, int days) {}

    public static void main(String[] names) {
        if (names.length > 0 && names[0].equals("untrusted")) {
            run(Map.of("unknown_certificate", Judge::unknownCertificate));
            return;
        }
        var checks = new LinkedHashMap<String, Expect.Act>();
        checks.put("every_way_in", Judge::everyWayIn);
        checks.put("chat", Judge::chat);
        checks.put("chat_takes_every_parameter", Judge::chatTakesEveryParameter);
        checks.put("chat_stream", Judge::chatStream);
        checks.put("tools", Judge::tools);
        checks.put("tools_stream", Judge::toolsStream);
        checks.put("json_schema", Judge::jsonSchema);
        checks.put("models", Judge::models);
        checks.put("embeddings", Judge::embeddings);
        checks.put("images_are_not_supported", Judge::imagesAreNotSupported);
        checks.put("wrong_calls", Judge::wrongCalls);
        checks.put("wrong_keys", Judge::wrongKeys);
        run(checks);
    }

    private static void run(Map<String, Expect.Act> checks) {
        checks.forEach((name, check) -> {
            try {
                check.run();
            } catch (Throwable problem) {
                System.err.print("FAILED " + name + ": ");
                problem.printStackTrace();
                System.exit(1);
            }
            System.out.println("ok " + name);
        });
        System.exit(0); // the SDK's threads would hold the program
    }

    private static String given(String name) {
        var value = System.getenv(name);
        Expect.that(value != null && !value.isEmpty(), "set " + name);
        return value;
    }

    private static ChatService chat(Authenticator authenticator, String model) {
        return chat(authenticator, model, true);
    }

    private static ChatService chat(Authenticator authenticator, String model, boolean verifies) {
        var builder = ChatService.builder();
        builder.baseUrl(URL).authenticator(authenticator).verifySsl(verifies).timeout(Duration.ofSeconds(30));
        builder.modelId(model).projectId("63dc4cf1-252f-424b-b52d-5cdd9814987f");
        return builder.build();
    }

    private static ChatParameters.Builder repeatable() {
        return ChatParameters.builder().temperature(0.0).seed(1);
    }

    private static JsonSchema place() {
        return JsonSchema.object()
                .property("city", JsonSchema.string())
                .property("days", JsonSchema.integer())
                .required("city", "days")
                .additionalProperties(false)
                .build();
    }

    private static void everyWayIn() {
        for (var way : WAYS.all(KEY)) {
            var service = chat(way, MODEL);
            Expect.that(!service.chat("Hi").toAssistantMessage().content().isEmpty(), way.scheme());
            Expect.that(!streamed(service, repeatable().build(), List.of()).text().isEmpty(), way.scheme());
            Expect.equal(way.scheme(), way.token().contains(".") || MODE.equals("cloud") ? "Bearer" : "ZenApiKey");
        }
        Expect.equal(WAYS.usual(KEY).token().split("\\.").length, 3);
    }

    private static void chat() {
        var answer = CHAT.chat(MESSAGES, repeatable().build());
        Expect.equal(answer.object(), "chat.completion");
        Expect.that(answer.id() != null && answer.model() != null && answer.created() > 0, answer);
        Expect.equal(answer.finishReason(), FinishReason.STOP);
        var usage = answer.usage();
        Expect.equal(usage.totalTokens(), usage.promptTokens() + usage.completionTokens());
        var conversation = new ArrayList<>(MESSAGES);
        conversation.add(answer.toAssistantMessage());
        conversation.add(UserMessage.text("And a weir?"));
        Expect.that(!CHAT.chat(conversation).toAssistantMessage().content().isEmpty(), "an empty answer");
    }

    private static void chatTakesEveryParameter() {
        var asked = repeatable().topP(0.9).n(2).stop(List.of("never said")).maxCompletionTokens(64)
                .frequencyPenalty(0.1).presencePenalty(0.1).logitBias(Map.of("50256", -100)).logprobs(true)
                .topLogprobs(2).timeLimit(Duration.ofSeconds(20)).responseAsText().build();
        Expect.equal(CHAT.chat(MESSAGES, asked).choices().size(), 2);
    }

    /** What a stream brought: its pieces put together, how many they were, and the SDK's own sum of them. */
    private record Streamed(String text, int pieces, List<CompletedToolCall> calls, ChatResponse whole) {}

    private static Streamed streamed(ChatService service, ChatParameters parameters, List<Tool> tools) {
        var text = new StringBuffer();
        var pieces = new ArrayList<String>();
        var calls = new ArrayList<CompletedToolCall>();
        var whole = service.chatStreaming(MESSAGES, parameters, tools, new ChatHandler() {
            @Override
            public void onPartialResponse(String piece, PartialChatResponse partial) {
                pieces.add(piece);
                text.append(piece);
            }

            @Override
            public void onCompleteToolCall(CompletedToolCall call) {
                calls.add(call);
            }
        }).orTimeout(30, TimeUnit.SECONDS).join();
        return new Streamed(text.toString(), pieces.size(), calls, whole);
    }

    private static void chatStream() {
        var expected = CHAT.chat(MESSAGES, repeatable().build());
        var streamed = streamed(CHAT, repeatable().build(), List.of());
        Expect.equal(streamed.text(), expected.toAssistantMessage().content());
        Expect.that(streamed.pieces() > 1, "the stream is in one piece");
        Expect.equal(streamed.whole().toAssistantMessage().content(), streamed.text());
        Expect.equal(streamed.whole().usage(), expected.usage());
        Expect.equal(streamed.whole().finishReason(), FinishReason.STOP);
    }

    private static void tools() {
        for (var asked : List.of(
                repeatable().toolChoiceOption(ChatParameters.ToolChoiceOption.REQUIRED).build(),
                repeatable().toolChoice("get_weather").build())) {
            AssistantMessage said = CHAT.chat(MESSAGES, asked, List.of(WEATHER)).toAssistantMessage();
            Expect.that(said.hasToolCalls(), said);
            var results = said.processTools((name, arguments) -> {
                Expect.equal(name, "get_weather");
                Expect.that(arguments.contains("city") && arguments.contains("days"), said);
                return "rain";
            });
            var conversation = new ArrayList<>(MESSAGES);
            conversation.add(said);
            conversation.addAll(results);
            Expect.that(!CHAT.chat(conversation).toAssistantMessage().content().isEmpty(), "an empty answer");
        }
    }

    private static void toolsStream() {
        var asked = repeatable().toolChoice("get_weather").build();
        var expected = CHAT.chat(MESSAGES, asked, List.of(WEATHER)).toAssistantMessage().toolCalls().get(0);
        var streamed = streamed(CHAT, asked, List.of(WEATHER));
        Expect.equal(streamed.whole().finishReason(), FinishReason.TOOL_CALLS);
        Expect.equal(streamed.calls().size(), 1);
        Expect.equal(streamed.calls().get(0).toolCall().function(), expected.function());
        Expect.equal(streamed.whole().toAssistantMessage().toolCalls().get(0).function(), expected.function());
    }

    private static void jsonSchema() {
        var asked = repeatable().responseAsJsonSchema("place", place(), true).build();
        Place written = CHAT.chat(MESSAGES, asked).toAssistantMessage().toObject(Place.class);
        Expect.that(!written.city().isEmpty(), written);
        Expect.equal(streamed(CHAT, asked, List.of()).whole().toAssistantMessage().toObject(Place.class), written);
    }

    private static void models() {
        var gateway = new Gateway(URL, WAYS.usual(KEY));
        var listed = (List<?>) gateway.get("/models").get("data");
        var model = listed.stream().map(item -> (Map<?, ?>) item)
                .filter(item -> MODEL.equals(item.get("alias"))).findFirst().orElseThrow();
        Expect.equal(model.get("object"), "model");
        Expect.that(model.get("created") instanceof Integer && model.get("owned_by") instanceof String, model);
        for (var name : List.of(model.get("uuid"), MODEL)) Expect.equal(gateway.get("/models/" + name), model);
        Expect.refused("model_not_found", () -> gateway.get("/models/no-such-model"));
        var seen = (List<?>) new Gateway(URL, WAYS.usual(USER_KEY)).get("/models").get("data");
        Expect.that(!seen.isEmpty() && !seen.toString().contains(DENIED_MODEL), "a denied model is listed: " + seen);
    }

    private static void embeddings() {
        var gateway = new Gateway(URL, WAYS.usual(KEY));
        var input = List.of("water", "gate");
        var plain = vectors(gateway.post("/embeddings", Map.of("model", MODEL, "input", input)));
        var asked = Map.of("model", MODEL, "input", input, "encoding_format", "base64");
        var packed = vectors(gateway.post("/embeddings", asked));
        Expect.equal(plain.size(), 2);
        for (var index = 0; index < plain.size(); index++) {
            var decoded = Base64.getDecoder().decode((String) packed.get(index));
            var bytes = ByteBuffer.wrap(decoded).order(ByteOrder.LITTLE_ENDIAN);
            for (var one : (List<?>) plain.get(index)) Expect.equal(((Number) one).floatValue(), bytes.getFloat());
            Expect.that(!bytes.hasRemaining(), "numbers are left over");
        }
    }

    private static List<Object> vectors(Map<?, ?> answer) {
        Expect.equal(answer.get("object"), "list");
        Expect.that(((Map<?, ?>) answer.get("usage")).get("total_tokens") instanceof Integer, answer);
        var items = ((List<?>) answer.get("data")).stream().map(item -> (Map<?, ?>) item);
        return items.map(item -> (Object) item.get("embedding")).toList();
    }

    private static void imagesAreNotSupported() {
        var gateway = new Gateway(URL, WAYS.usual(KEY));
        Expect.refused("route_not_found",
                () -> gateway.post("/images/generations", Map.of("model", MODEL, "prompt", "A sluice")));
    }

    private static void wrongCalls() {
        var unknown = chat(WAYS.usual(KEY), "no-such-model");
        var denied = chat(WAYS.usual(USER_KEY), DENIED_MODEL);
        var none = ChatParameters.builder().n(0).build();
        Expect.refused("model_not_found", () -> unknown.chat(MESSAGES));
        Expect.refused("model_not_found", () -> streamed(unknown, repeatable().build(), List.of()));
        Expect.refused("invalid_request", () -> CHAT.chat(MESSAGES, none));
        Expect.refused("authorization_rejected", () -> denied.chat(MESSAGES));
        Expect.refused("authorization_rejected",
                () -> streamed(denied, repeatable().build(), List.of()));
    }

    private static void wrongKeys() {
        var wrong = "wrong-key-0123456789";
        if (MODE.equals("cloud")) Expect.noCloudToken("BXNIM0415E", () -> WAYS.usual(wrong).token());
        else Expect.noHubToken("401", () -> WAYS.usual(wrong).token());
        Expect.refused("invalid_api_key", () -> chat(Ways.raw(wrong), MODEL).chat(MESSAGES));
    }

    /** In a process that does not know who signed the gateway's certificate. */
    private static void unknownCertificate() {
        try {
            WAYS.usual(KEY).token();
        } catch (RuntimeException refused) {
            Expect.that(refused.toString().contains("PKIX"), refused);
            var blind = new Ways(URL, MODE, false).usual(KEY);
            Expect.that(!chat(blind, MODEL, false).chat("Hi").toAssistantMessage().content().isEmpty(), "no answer");
            return;
        }
        throw new AssertionError("a stranger's certificate was trusted");
    }
}
