import com.ibm.watsonx.ai.core.Json;
import com.ibm.watsonx.ai.core.auth.Authenticator;
import com.ibm.watsonx.ai.core.factory.HttpClientFactory;
import com.ibm.watsonx.ai.core.http.SyncHttpClient;
import com.ibm.watsonx.ai.core.http.interceptors.LoggerInterceptor.LogMode;
import com.ibm.watsonx.ai.core.provider.HttpClientProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** The gateway's interface beside chat, by the SDK's HTTP client: its authentication, retries, errors and JSON. */
final class Gateway {
    private final String url;
    private final SyncHttpClient http;

    Gateway(String url, Authenticator authenticator) {
        this.url = url;
        http = HttpClientFactory.createSync(authenticator, HttpClientProvider.httpClient(true), LogMode.DISABLED);
    }

    Map<?, ?> get(String path) {
        return send(at(path).GET());
    }

    Map<?, ?> post(String path, Map<String, ?> body) {
        var publisher = BodyPublishers.ofString(Json.toJson(body));
        return send(at(path).header("Content-Type", "application/json").POST(publisher));
    }

    private HttpRequest.Builder at(String path) {
        var uri = URI.create(url + "/ml/gateway/v1" + path + "?version=2026-08-11");
        return HttpRequest.newBuilder(uri).header("Accept", "application/json");
    }

    private Map<?, ?> send(HttpRequest.Builder request) {
        try {
            return Json.fromJson(http.send(request.build(), BodyHandlers.ofString()).body(), Map.class);
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }
}
