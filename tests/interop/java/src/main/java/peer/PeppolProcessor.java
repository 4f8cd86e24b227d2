package peer;

import com.helger.base.io.stream.StreamHelper;
import com.helger.collection.commons.ICommonsList;
import com.helger.http.header.HttpHeaderMap;
import com.helger.json.JsonObject;
import com.helger.peppol.sbdh.PeppolSBDHData;
import com.helger.peppol.sbdh.PeppolSBDHDataReadException;
import com.helger.peppol.sbdh.PeppolSBDHDataReader;
import com.helger.peppolid.IParticipantIdentifier;
import com.helger.peppolid.factory.PeppolIdentifierFactory;
import com.helger.peppolid.peppol.PeppolIdentifierHelper;
import com.helger.phase4.CAS4;
import com.helger.phase4.attachment.WSS4JAttachment;
import com.helger.phase4.ebms3header.Ebms3PartyId;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.error.AS4ErrorList;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.incoming.IAS4IncomingMessageState;
import com.helger.phase4.incoming.spi.AS4MessageProcessorResult;
import com.helger.phase4.incoming.spi.AS4SignalMessageProcessorResult;
import com.helger.phase4.incoming.spi.IAS4IncomingMessageProcessorSPI;
import com.helger.phase4.model.error.EEbmsError;
import com.helger.phase4.model.pmode.IPMode;
import com.helger.phase4.profile.peppol.PeppolPMode;
import com.helger.security.certificate.TrustedCAChecker;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.wss4j.dom.str.STRParser.REFERENCE_TYPE;
import org.w3c.dom.Node;

/**
 * What Peppol asks of C3 beyond AS4: tokens, issuer, document header, addressing, receiver.
 *
 * <p>phase4's own servlet module for Peppol is not used, so the duties are spelt out here over
 * phase4's state of the message and the reference reader of business document headers. Everything
 * below that (MIME, signature, encryption, compression, duplicates, receipts) is phase4. A received
 * document is stored unchanged as {@code <message id>.sbd}, and what was understood of it as
 * {@code <message id>.json}. A receiver whose identifier ends in {@code :fail} makes the handler
 * throw, as a back end that is down would.
 */
final class PeppolProcessor implements IAS4IncomingMessageProcessorSPI {
  private static final Locale LOCALE = Locale.ROOT;

  private final TrustedCAChecker accessPointCa;
  private final Set<String> served;
  private final Path store;

  PeppolProcessor(TrustedCAChecker accessPointCa, Set<String> served, Path store) {
    this.accessPointCa = accessPointCa;
    this.served = served;
    this.store = store;
  }

  @Override
  public AS4MessageProcessorResult processAS4UserMessage(
      IAS4IncomingMessageMetadata metadata,
      HttpHeaderMap headers,
      Ebms3UserMessage message,
      IPMode pmode,
      Node soapPayload,
      ICommonsList<WSS4JAttachment> attachments,
      IAS4IncomingMessageState state,
      AS4ErrorList errors) {
    try {
      checkSecurity(state);
      require(attachments != null && attachments.size() == 1, "not exactly one payload");
      byte[] document = StreamHelper.getAllBytes(attachments.get(0).getSourceStream());
      refuse(document == null, EEbmsError.EBMS_DECOMPRESSION_FAILURE, "the payload is no gzip");
      var header = readHeader(document);
      checkAddressing(message, header);
      String receiver = header.getReceiverValue();
      refuse(!served.contains(receiver), EEbmsError.EBMS_OTHER, "PEPPOL:NOT_SERVICED");
      if (receiver.endsWith(":fail")) {
        throw new IllegalStateException("the back end is down");
      }
      keep(state, message, header, document);
      return AS4MessageProcessorResult.createSuccess();
    } catch (Refused refused) {
      errors.add(
          refused
              .error
              .errorBuilder(LOCALE)
              .refToMessageInError(state.getMessageID())
              .errorDetail(refused.getMessage())
              .build());
      return AS4MessageProcessorResult.createFailure();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void checkSecurity(IAS4IncomingMessageState state) throws Refused {
    refuse(!state.isSoapDecrypted(), EEbmsError.EBMS_FAILED_DECRYPTION, "not encrypted");
    refuse(!state.isSoapSignatureChecked(), EEbmsError.EBMS_FAILED_AUTHENTICATION, "not signed");
    refuse(
        state.getSigningCertificateReferenceType() != REFERENCE_TYPE.DIRECT_REF
            || state.getDecryptingCertificateReferenceType() != REFERENCE_TYPE.DIRECT_REF,
        EEbmsError.EBMS_POLICY_NONCOMPLIANCE,
        "a certificate is not given as a directly referenced binary security token");
    var verdict = accessPointCa.checkCertificate(state.getSigningCertificate());
    refuse(
        verdict.isInvalid(),
        EEbmsError.EBMS_FAILED_AUTHENTICATION,
        "signed with a certificate that is no valid access point certificate: "
            + verdict.getReason());
  }

  private static PeppolSBDHData readHeader(byte[] document) throws Refused {
    try {
      return new PeppolSBDHDataReader(PeppolIdentifierFactory.INSTANCE)
          .extractData(new ByteArrayInputStream(document));
    } catch (PeppolSBDHDataReadException e) {
      throw new Refused(EEbmsError.EBMS_OTHER, "business document header: " + e.getMessage());
    }
  }

  private static void checkAddressing(Ebms3UserMessage message, PeppolSBDHData header)
      throws Refused {
    checkParticipant(message, CAS4.ORIGINAL_SENDER, header.getSenderAsIdentifier());
    checkParticipant(message, CAS4.FINAL_RECIPIENT, header.getReceiverAsIdentifier());
    checkSeat("From", message.getPartyInfo().getFrom().getPartyId());
    checkSeat("To", message.getPartyInfo().getTo().getPartyId());
    var collaboration = message.getCollaborationInfo();
    require(
        header.getProcessScheme().equals(collaboration.getService().getType())
            && header.getProcessValue().equals(collaboration.getServiceValue()),
        "Service is not the process of the business document header");
    require(
        header.getDocumentTypeURIEncoded().equals(collaboration.getAction()),
        "Action is not the document type of the business document header");
  }

  private static void checkParticipant(
      Ebms3UserMessage message, String property, IParticipantIdentifier expected) throws Refused {
    var found =
        message.getMessageProperties().getProperty().stream()
            .filter(p -> property.equals(p.getName()))
            .toList();
    require(
        found.size() == 1
            && expected.getScheme().equals(found.get(0).getType())
            && expected.getValue().equalsIgnoreCase(found.get(0).getValue()),
        property + " is not the one of the business document header");
  }

  private static void checkSeat(String side, List<Ebms3PartyId> ids) throws Refused {
    require(
        ids.size() == 1
            && PeppolPMode.DEFAULT_PARTY_TYPE_ID.equals(ids.get(0).getType())
            && ids.get(0).getValue().matches(PeppolIdentifierHelper.REGEX_SEAT_ID),
        side + " is not exactly one seat identifier");
  }

  private void keep(
      IAS4IncomingMessageState state,
      Ebms3UserMessage message,
      PeppolSBDHData header,
      byte[] document)
      throws IOException {
    String name = state.getMessageID();
    require(name.matches("[A-Za-z0-9._@-]+"), "a message id that cannot be a file name");
    var understood = new JsonObject();
    understood.add("message_id", name);
    understood.add("conversation_id", message.getCollaborationInfo().getConversationId());
    understood.add("from", message.getPartyInfo().getFrom().getPartyIdAtIndex(0).getValue());
    understood.add("to", message.getPartyInfo().getTo().getPartyIdAtIndex(0).getValue());
    understood.add("sender", header.getSenderURIEncoded());
    understood.add("receiver", header.getReceiverURIEncoded());
    understood.add("document_type", header.getDocumentTypeURIEncoded());
    understood.add("process", header.getProcessURIEncoded());
    understood.add("instance_identifier", header.getInstanceIdentifier());
    understood.add("country_c1", header.getCountryC1());
    if (header.hasMLSToValue()) {
      understood.add("mls_to", header.getMLSToValue());
    }
    if (header.hasMLSType()) {
      understood.add("mls_type", header.getMLSType().getID());
    }
    Files.write(store.resolve(name + ".sbd"), document);
    Files.writeString(store.resolve(name + ".json"), understood.getAsJsonString());
  }

  @Override
  public AS4SignalMessageProcessorResult processAS4SignalMessage(
      IAS4IncomingMessageMetadata metadata,
      HttpHeaderMap headers,
      Ebms3SignalMessage signal,
      IPMode pmode,
      IAS4IncomingMessageState state,
      AS4ErrorList errors) {
    throw new UnsupportedOperationException("Peppol pushes user messages only");
  }

  @Override
  public void processAS4ResponseMessage(
      IAS4IncomingMessageMetadata metadata,
      IAS4IncomingMessageState state,
      String answerId,
      byte[] answer,
      boolean available,
      AS4ErrorList errors) {
    // phase4 has written the answer
  }

  private static void require(boolean condition, String otherwise) throws Refused {
    refuse(!condition, EEbmsError.EBMS_OTHER, otherwise);
  }

  private static void refuse(boolean condition, EEbmsError error, String reason) throws Refused {
    if (condition) {
      throw new Refused(error, reason);
    }
  }

  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient EEbmsError error;

    Refused(EEbmsError error, String reason) {
      super(reason);
      this.error = error;
    }
  }
}
