package peer;

import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.mime.CMimeType;
import com.helger.peppol.sbdh.EPeppolMLSType;
import com.helger.phase4.crypto.ECryptoAlgorithmCrypt;
import com.helger.phase4.crypto.ECryptoAlgorithmSign;
import com.helger.phase4.crypto.ECryptoAlgorithmSignDigest;
import com.helger.phase4.crypto.ECryptoKeyEncryptionAlgorithm;
import com.helger.phase4.crypto.ECryptoKeyIdentifierType;
import com.helger.phase4.crypto.ICryptoSessionKeyProvider;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.messaging.http.HttpRetrySettings;
import com.helger.phase4.model.pmode.IPModeIDProvider;
import com.helger.phase4.peppol.Phase4PeppolSender;
import com.helger.phase4.profile.peppol.PeppolPMode;
import com.helger.security.revocation.CertificateRevocationCheckerDefaults;
import com.helger.security.revocation.ERevocationCheckMode;
import com.helger.servlet.mock.MockServletContext;
import com.helger.web.scope.mgr.WebScopeManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * C2 of the interoperability tests: sends with phase4's Peppol client what it is told to send.
 *
 * <p>Argument: the folder of the keys. Reads one order per line from standard input (a JSON object,
 * see {@link #send}, or {@code orders} to be sent at once), answers each with one line: {@code result} in phase4's words, the
 * {@code message_id}, the {@code answer} as received, the ebMS {@code errors} in it, and the
 * {@code exception} if sending failed. Ends with its input.
 */
public final class Sender {
  private final Keys keys;

  private Sender(Keys keys) {
    this.keys = keys;
  }

  public static void main(String[] args) throws Exception {
    WebScopeManager.onGlobalBegin(MockServletContext.create());
    CertificateRevocationCheckerDefaults.setRevocationCheckMode(ERevocationCheckMode.NONE);
    try {
      var sender = new Sender(Keys.in(Path.of(args[0])));
      var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = orders.readLine(); line != null; line = orders.readLine()) {
        var order = JsonReader.readFromString(line).getAsObject();
        System.out.println(sender.answer(order).getAsJsonString());
      }
    } finally {
      WebScopeManager.onGlobalEnd();
    }
    System.exit(0);
  }

  /** One order, or the {@code orders} of a batch, {@code parallel} of them at a time. */
  private IJsonObject answer(IJsonObject order) throws Exception {
    var orders = order.getAsArray("orders");
    if (orders == null) {
      return send(order);
    }
    var threads = Executors.newFixedThreadPool(order.getAsInt("parallel", 1));
    try {
      var running = new ArrayList<Future<IJsonObject>>();
      for (var one : orders) {
        running.add(threads.submit(() -> send(one.getAsObject())));
      }
      var reports = new JsonArray();
      for (var one : running) {
        reports.add(one.get());
      }
      return new JsonObject().add("reports", reports);
    } finally {
      threads.shutdown();
    }
  }

  /**
   * Sends one business document.
   *
   * <p>An order names {@code url}, {@code recipient} (PEM file of C3's certificate),
   * {@code payload} (file), {@code sender}, {@code receiver}, {@code document_type},
   * {@code process} (identifiers with scheme), {@code key_store}, {@code seat}, and may name
   * {@code message_id},
   * {@code instance_identifier}, {@code standard}, {@code type_version} and {@code type} (if not
   * those of the payload), {@code compress}, {@code mls_to}, {@code mls_type},
   * {@code binary} (true wraps the payload as binary content), {@code retries} (how often the same
   * bytes are sent again when no answer came). It may depart from the profile in {@code cipher},
   * {@code key_transport}, {@code encryption_token}, {@code signature}, {@code digest} and
   * {@code signing_token}, each by the name phase4 gives the choice.
   */
  private IJsonObject send(IJsonObject order) throws GeneralSecurityException, IOException {
    var ids = Phase4PeppolSender.IF;
    var report = new JsonObject();
    var builder =
        Phase4PeppolSender.builder()
            .cryptoFactory(keys.crypto(order.getAsString("key_store")))
            .peppolAP_CAChecker(keys.accessPointCa())
            .httpRetrySettings(
                new HttpRetrySettings()
                    .setMaxRetries(order.getAsInt("retries", 0))
                    .setDurationBeforeRetry(Duration.ofMillis(100)))
            .senderPartyID(order.getAsString("seat"))
            .senderParticipantID(ids.parseParticipantIdentifier(order.getAsString("sender")))
            .receiverParticipantID(ids.parseParticipantIdentifier(order.getAsString("receiver")))
            .documentTypeID(ids.parseDocumentTypeIdentifier(order.getAsString("document_type")))
            .processID(ids.parseProcessIdentifier(order.getAsString("process")))
            .countryC1("BE")
            .compressPayload(order.getAsBoolean("compress", true))
            .messageID(order.getAsString("message_id"))
            .sbdhInstanceIdentifier(order.getAsString("instance_identifier"))
            .sbdhStandard(order.getAsString("standard"))
            .sbdhTypeVersion(order.getAsString("type_version"))
            .sbdhType(order.getAsString("type"))
            .receiverEndpointDetails(
                Keys.certificate(Path.of(order.getAsString("recipient"))), order.getAsString("url"))
            .signalMsgConsumer((signal, metadata, state) -> report.add("errors", errors(signal)))
            .rawResponseConsumer(
                answer ->
                    report
                        .add("message_id", answer.getMessageID())
                        .add(
                            "answer",
                            new String(answer.getResponseContent(), StandardCharsets.UTF_8)));
    byte[] payload = Files.readAllBytes(Path.of(order.getAsString("payload")));
    if (order.getAsBoolean("binary", false)) {
      builder.payloadBinaryContent(payload, CMimeType.APPLICATION_PDF, null);
    } else {
      builder.payload(payload);
    }
    if (order.containsKey("mls_to")) {
      builder.mlsTo(ids.parseParticipantIdentifier(order.getAsString("mls_to")));
    }
    if (order.containsKey("mls_type")) {
      builder.mlsType(EPeppolMLSType.valueOf(order.getAsString("mls_type")));
    }
    deviate(builder, order);
    var result =
        builder.sendMessageAndCheckForReceipt(
            exception -> report.add("exception", exception.getMessage()));
    return report.add("result", result.getID());
  }

  /** Departs from the security profile where the order says so: older senders, or wrong ones. */
  private static void deviate(
      Phase4PeppolSender.PeppolUserMessageBuilder builder, IJsonObject order) {
    var pmode =
        PeppolPMode.createPeppolPMode("c2", "c3", null, IPModeIDProvider.DEFAULT_DYNAMIC, false);
    var security = pmode.getLeg1().getSecurity();
    var cipher = ECryptoAlgorithmCrypt.valueOf(order.getAsString("cipher", "AES_128_GCM"));
    security.setX509EncryptionAlgorithm(cipher);
    security.setX509SignatureAlgorithm(
        ECryptoAlgorithmSign.valueOf(order.getAsString("signature", "RSA_SHA_256")));
    security.setX509SignatureHashFunction(
        ECryptoAlgorithmSignDigest.valueOf(order.getAsString("digest", "DIGEST_SHA_256")));
    builder
        .pmode(pmode)
        .withCryptParams(
            crypt ->
                crypt
                    .setKeyEncAlgorithm(
                        ECryptoKeyEncryptionAlgorithm.valueOf(
                            order.getAsString("key_transport", "RSA_OAEP_XENC11")))
                    .setKeyIdentifierType(token(order, "encryption_token"))
                    .setSessionKeyProvider(
                        cipher == ECryptoAlgorithmCrypt.AES_256_GCM
                            ? ICryptoSessionKeyProvider.INSTANCE_RANDOM_AES_256
                            : ICryptoSessionKeyProvider.INSTANCE_RANDOM_AES_128))
        .withSigningParams(sign -> sign.setKeyIdentifierType(token(order, "signing_token")));
  }

  private static ECryptoKeyIdentifierType token(IJsonObject order, String field) {
    return ECryptoKeyIdentifierType.valueOf(order.getAsString(field, "BST_DIRECT_REFERENCE"));
  }

  private static JsonArray errors(Ebms3SignalMessage signal) {
    var errors = new JsonArray();
    for (var error : signal.getError()) {
      errors.add(
          new JsonObject()
              .add("code", error.getErrorCode())
              .add("short_description", error.getShortDescription())
              .add("detail", error.getErrorDetail())
              .add("ref", error.getRefToMessageInError()));
    }
    return errors;
  }
}
