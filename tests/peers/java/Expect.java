import com.ibm.watsonx.ai.core.Json;
import com.ibm.watsonx.ai.core.exception.WatsonxException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletionException;

/** What several checks expect alike. */
final class Expect {
    private Expect() {}

    /** What a check does. */
    interface Act {
        void run() throws Exception;
    }

    static void that(boolean holds, Object said) {
        if (!holds) throw new AssertionError(said);
    }

    static void equal(Object actual, Object expected) {
        that(Objects.equals(actual, expected), "got " + actual + ", not " + expected);
    }

    /**
     * The gateway refuses a call with this code. This release of the SDK has no type for the gateway's errors: it throws
     * what the gateway said, word for word. Later ones take the code out of it if nothing stands beside {@code error}.
     */
    static void refused(String code, Act act) {
        var body = Json.fromJson(thrownBy(act, RuntimeException.class).getMessage(), Map.class);
        equal(body.keySet(), Set.of("error"));
        var error = (Map<?, ?>) body.get("error");
        equal(error.get("code"), code);
        for (var member : List.of("message", "request_id")) that(error.get(member) instanceof String, error);
    }

    /** The identity service of IBM Cloud refuses a token with this code, for which the SDK has a type. */
    static void noCloudToken(String code, Act act) {
        var error = thrownBy(act, WatsonxException.class);
        equal(error.statusCode(), 400);
        equal(error.details().orElseThrow().errors().get(0).code(), code);
    }

    /** Software Hub refuses a token with this code. The SDK throws what it said. */
    static void noHubToken(String code, Act act) {
        var body = Json.fromJson(thrownBy(act, RuntimeException.class).getMessage(), Map.class);
        equal(body.get("_messageCode_"), code);
    }

    /** What the SDK throws, freed of what its threads wrap round it. */
    private static <T extends Exception> T thrownBy(Act act, Class<T> type) {
        try {
            act.run();
        } catch (Exception thrown) {
            Throwable cause = thrown;
            while (cause instanceof CompletionException) cause = cause.getCause();
            if (!type.isInstance(cause)) throw new AssertionError(thrown);
            return type.cast(cause);
        }
        throw new AssertionError("nothing was thrown");
    }
}
