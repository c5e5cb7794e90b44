import com.ibm.watsonx.ai.chat.ChatClientContext;
import com.ibm.watsonx.ai.chat.ChatHandler;
import com.ibm.watsonx.ai.chat.ChatResponse;
import com.ibm.watsonx.ai.chat.ChatRestClient;
import com.ibm.watsonx.ai.chat.SseEventProcessor;
import com.ibm.watsonx.ai.chat.decorator.ChatHandlerDecorator;
import com.ibm.watsonx.ai.chat.interceptor.InterceptorContext;
import com.ibm.watsonx.ai.chat.model.TextChatRequest;
import com.ibm.watsonx.ai.chat.streaming.DefaultChatSubscriber;
import com.ibm.watsonx.ai.core.Json;
import com.ibm.watsonx.ai.core.http.AsyncHttpClient;
import com.ibm.watsonx.ai.core.http.SyncHttpClient;
import com.ibm.watsonx.ai.core.http.interceptors.LoggerInterceptor.LogMode;
import com.ibm.watsonx.ai.core.factory.HttpClientFactory;
import com.ibm.watsonx.ai.core.spi.json.TypeToken;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Leads the SDK's {@code ChatService} to the model gateway, by the seam that the SDK has for REST clients. All but path
 * and names of members is the SDK's: authentication, errors, the reading of answers and of streams.
 */
public final class GatewayChatClient extends ChatRestClient {
    /** Of the native interface; the gateway's has other names for the first two, and no others. */
    private static final Set<String> NATIVE = Set.of("model_id", "tool_choice_option", "project_id", "space_id");

    private final SyncHttpClient sync;
    private final AsyncHttpClient async;

    private GatewayChatClient(Builder builder) {
        super(builder);
        sync = HttpClientFactory.createSync(authenticator, httpClient, LogMode.DISABLED);
        async = HttpClientFactory.createAsync(authenticator, httpClient, LogMode.DISABLED);
    }

    @Override
    public ChatResponse chat(String transactionId, TextChatRequest asked) {
        try {
            var answer = sync.send(request(asked, "application/json", Map.of()), BodyHandlers.ofString());
            return Json.fromJson(answer.body(), ChatResponse.class);
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    @Override
    public CompletableFuture<ChatResponse> chatStreaming(
            String transactionId, TextChatRequest asked, ChatClientContext context, ChatHandler handler) {
        var streamed = Map.of("stream", true, "stream_options", Map.of("include_usage", true));
        var interceptors = new InterceptorContext(context.chatProvider(), context.chatRequest(), null);
        var subscriber = new DefaultChatSubscriber(
                new SseEventProcessor(asked.tools(), context.extractionTags()),
                new ChatHandlerDecorator(handler, interceptors, context.toolInterceptor()));
        var response = new CompletableFuture<ChatResponse>();
        var lines = subscriber.asFlowSubscriber(response, !handler.failOnFirstError());
        async.send(request(asked, "text/event-stream", streamed), head -> BodySubscribers.fromLineSubscriber(lines))
                .exceptionally(error -> {
                    var cause = error.getCause() == null ? error : error.getCause();
                    handler.onError(cause);
                    response.completeExceptionally(cause);
                    return null;
                });
        return response;
    }

    private HttpRequest request(TextChatRequest asked, String accept, Map<String, ?> more) {
        var body = Json.fromJson(Json.toJson(asked), new TypeToken<Map<String, Object>>() {});
        body.put("model", asked.modelId());
        if (asked.toolChoiceOption() != null) body.put("tool_choice", asked.toolChoiceOption());
        body.keySet().removeAll(NATIVE);
        body.putAll(more);
        return HttpRequest.newBuilder(URI.create(baseUrl + "/ml/gateway/v1/chat/completions?version=" + version))
                .header("Content-Type", "application/json")
                .header("Accept", accept)
                .timeout(Duration.ofMillis(asked.timeLimit()))
                .POST(BodyPublishers.ofString(Json.toJson(body)))
                .build();
    }

    /** What the SDK looks for. */
    public static final class Factory implements ChatRestClientBuilderFactory {
        @Override
        public Builder get() {
            return new Builder() {
                @Override
                public ChatRestClient build() {
                    return new GatewayChatClient(this);
                }
            };
        }
    }
}
