package peer;

import com.helger.json.IJsonObject;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.peppol.smp.ESMPTransportProfile;
import com.helger.peppolid.factory.PeppolIdentifierFactory;
import com.helger.security.revocation.CertificateRevocationCheckerDefaults;
import com.helger.security.revocation.ERevocationCheckMode;
import com.helger.smpclient.exception.SMPClientException;
import com.helger.smpclient.peppol.SMPClientReadOnly;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Asks a service metadata publisher with the reference client of phase4's family.
 *
 * <p>Argument: the folder of the keys. Reads one question per line from standard input (a JSON
 * object with {@code smp}, {@code receiver}, {@code document_type} and {@code process}), answers each
 * with one line: {@code url} and {@code certificate} of the endpoint found, {@code nothing} and why
 * if there is none, or the client's {@code exception} and its {@code message}. Ends with its input.
 */
public final class SmpLookup {
  private SmpLookup() {}

  public static void main(String[] args) throws Exception {
    CertificateRevocationCheckerDefaults.setRevocationCheckMode(ERevocationCheckMode.NONE);
    var keys = Keys.in(Path.of(args[0]));
    var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = questions.readLine(); line != null; line = questions.readLine()) {
      var question = JsonReader.readFromString(line).getAsObject();
      System.out.println(ask(keys, question).getAsJsonString());
    }
  }

  private static IJsonObject ask(Keys keys, IJsonObject question) {
    var ids = PeppolIdentifierFactory.INSTANCE;
    var client = new SMPClientReadOnly(URI.create(question.getAsString("smp")));
    client.setTrustStore(keys.trustStore()).setXMLSchemaValidation(true);
    try {
      var metadata =
          client.getSchemeSpecificServiceMetadata(
              ids.parseParticipantIdentifier(question.getAsString("receiver")),
              ids.parseDocumentTypeIdentifier(question.getAsString("document_type")));
      if (metadata == null) {
        return new JsonObject().add("nothing", "not published");
      }
      var endpoint =
          SMPClientReadOnly.getEndpoint(
              metadata,
              ids.parseProcessIdentifier(question.getAsString("process")),
              ESMPTransportProfile.TRANSPORT_PROFILE_PEPPOL_AS4_V2);
      if (endpoint == null) {
        return new JsonObject().add("nothing", "no usable endpoint");
      }
      return new JsonObject()
          .add("url", SMPClientReadOnly.getEndpointAddress(endpoint))
          .add("certificate", SMPClientReadOnly.getEndpointCertificateString(endpoint));
    } catch (SMPClientException e) {
      return new JsonObject()
          .add("exception", e.getClass().getSimpleName())
          .add("message", e.getMessage());
    }
  }
}
