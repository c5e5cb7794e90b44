import com.ibm.watsonx.ai.core.auth.Authenticator;
import com.ibm.watsonx.ai.core.auth.cp4d.AuthMode;
import com.ibm.watsonx.ai.core.auth.cp4d.CP4DAuthenticator;
import com.ibm.watsonx.ai.core.auth.ibmcloud.IBMCloudAuthenticator;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** How a client proves who it is. */
record Ways(String url, String mode, boolean verifies) {
    /** All of the mode, for the holder of an API key of the gateway. */
    List<Authenticator> all(String key) {
        return switch (mode) {
            case "cloud" -> List.of(cloud(key), raw(key));
            case "software_hub" -> List.of(
                    hub(AuthMode.LEGACY).apiKey(key).build(),
                    hub(AuthMode.LEGACY).password(key).build(),
                    hub(AuthMode.IAM).password(key).build(),
                    hub(AuthMode.ZEN_API_KEY).apiKey(key).build());
            default -> throw new IllegalArgumentException("MODE is cloud or software_hub, not " + mode);
        };
    }

    /** The usual one. */
    Authenticator usual(String key) {
        return all(key).get(0);
    }

    private IBMCloudAuthenticator cloud(String key) {
        return IBMCloudAuthenticator.builder().baseUrl(URI.create(url)).apiKey(key).verifySsl(verifies).build();
    }

    private CP4DAuthenticator.Builder hub(AuthMode mode) {
        return CP4DAuthenticator.builder().baseUrl(url).username("admin").authMode(mode).verifySsl(verifies);
    }

    /** A bearer of one's own. */
    static Authenticator raw(String token) {
        return new Authenticator() {
            @Override
            public String token() {
                return token;
            }

            @Override
            public CompletableFuture<String> tokenAsync() {
                return CompletableFuture.completedFuture(token);
            }

            @Override
            public String scheme() {
                return "Bearer";
            }
        };
    }
}
