package peer;

import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.phase4.messaging.http.HttpRetrySettings;
import com.helger.phase4.peppol.Phase4PeppolSender;
import com.helger.security.revocation.CertificateRevocationCheckerDefaults;
import com.helger.security.revocation.ERevocationCheckMode;
import com.helger.servlet.mock.MockServletContext;
import com.helger.web.scope.mgr.WebScopeManager;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Sends one document again and again, each time as a message of its own, to measure phase4.
 *
 * <p>Argument: the folder of the keys. Reads one order per line from standard input (a JSON object
 * with {@code url}, {@code recipient}, {@code payload}, {@code sender}, {@code receiver},
 * {@code document_type}, {@code process}, {@code seat}, {@code count} and {@code threads}), answers
 * each with one line: the {@code seconds} it took and how many receipts were {@code good}.
 */
public final class Burst {
  private Burst() {}

  public static void main(String[] args) throws Exception {
    // The AES-GCM stream of Java 17's own provider takes time quadratic in the size of the payload.
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    WebScopeManager.onGlobalBegin(MockServletContext.create());
    CertificateRevocationCheckerDefaults.setRevocationCheckMode(ERevocationCheckMode.NONE);
    var keys = Keys.in(Path.of(args[0]));
    var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = orders.readLine(); line != null; line = orders.readLine()) {
      var order = JsonReader.readFromString(line).getAsObject();
      var crypto = keys.crypto("java.p12");
      var authority = keys.accessPointCa();
      var recipient = Keys.certificate(Path.of(order.getAsString("recipient")));
      byte[] payload = Files.readAllBytes(Path.of(order.getAsString("payload")));
      var ids = Phase4PeppolSender.IF;
      var threads = Executors.newFixedThreadPool(order.getAsInt("threads"));
      var sent = new ArrayList<Future<Boolean>>();
      long began = System.nanoTime();
      for (int one = 0; one < order.getAsInt("count"); one++) {
        sent.add(
            threads.submit(
                () ->
                    Phase4PeppolSender.builder()
                        .cryptoFactory(crypto)
                        .peppolAP_CAChecker(authority)
                        .httpRetrySettings(new HttpRetrySettings().setMaxRetries(0))
                        .senderPartyID(order.getAsString("seat"))
                        .senderParticipantID(
                            ids.parseParticipantIdentifier(order.getAsString("sender")))
                        .receiverParticipantID(
                            ids.parseParticipantIdentifier(order.getAsString("receiver")))
                        .documentTypeID(
                            ids.parseDocumentTypeIdentifier(order.getAsString("document_type")))
                        .processID(ids.parseProcessIdentifier(order.getAsString("process")))
                        .countryC1("BE")
                        .receiverEndpointDetails(recipient, order.getAsString("url"))
                        .payload(payload)
                        .sendMessageAndCheckForReceipt()
                        .isSuccess()));
      }
      int good = 0;
      for (var one : sent) {
        good += one.get() ? 1 : 0;
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      threads.shutdown();
      System.out.println(
          new JsonObject().add("seconds", seconds).add("good", good).getAsJsonString());
    }
    WebScopeManager.onGlobalEnd();
    System.exit(0);
  }
}
