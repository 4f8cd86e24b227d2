package peer;

import com.helger.collection.commons.CommonsArrayList;
import com.helger.http.EHttpMethod;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.phase4.incoming.AS4RequestHandler;
import com.helger.phase4.incoming.AS4ServerInitializer;
import com.helger.phase4.incoming.mgr.AS4ProfileSelector;
import com.helger.phase4.incoming.spi.IAS4IncomingMessageProcessorSPI;
import com.helger.phase4.profile.peppol.AS4PeppolProfileRegistarSPI;
import com.helger.phase4.servlet.AS4UnifiedResponse;
import com.helger.phase4.servlet.AS4XServletHandler;
import com.helger.phase4.servlet.IAS4ServletRequestHandlerCustomizer;
import com.helger.security.revocation.CertificateRevocationCheckerDefaults;
import com.helger.security.revocation.ERevocationCheckMode;
import com.helger.web.scope.IRequestWebScopeWithoutResponse;
import com.helger.web.scope.mgr.WebScopeManager;
import com.helger.xservlet.AbstractXServlet;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.apache.catalina.startup.Tomcat;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * C3 of the interoperability tests: phase4 behind an embedded servlet container on a free loopback
 * port.
 *
 * <p>Arguments: the folder of the keys, the folder for what is received, and the participants
 * served here. Prints {@code LISTENING url} when ready and ends when standard input is closed, so
 * that it never outlives the test run.
 */
public final class Receiver {
  private Receiver() {}

  public static void main(String[] args) throws Exception {
    // The AES-GCM stream of Java 17's own provider takes time quadratic in the size of the payload.
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    var keys = Keys.in(Path.of(args[0]));
    var store = Files.createDirectories(Path.of(args[1]));
    var served = Arrays.stream(args).skip(2).collect(Collectors.toUnmodifiableSet());

    var tomcat = new Tomcat();
    tomcat.setBaseDir(store.resolve("tomcat").toString());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    var context = tomcat.addContext("", null);

    WebScopeManager.onGlobalBegin(context.getServletContext());
    CertificateRevocationCheckerDefaults.setRevocationCheckMode(ERevocationCheckMode.NONE);
    AS4ProfileSelector.setCustomDefaultAS4ProfileID(AS4PeppolProfileRegistarSPI.AS4_PROFILE_ID);
    AS4ServerInitializer.initAS4Server();
    var processor = new PeppolProcessor(keys.accessPointCa(), served, store);
    Tomcat.addServlet(context, "as4", new Endpoint(keys.crypto("java.p12"), processor))
        .addMapping("/as4");
    tomcat.start();

    System.out.printf("LISTENING http://127.0.0.1:%d/as4%n", tomcat.getConnector().getLocalPort());
    System.in.transferTo(OutputStream.nullOutputStream());
    System.exit(0);
  }

  private static final class Endpoint extends AbstractXServlet {
    private static final long serialVersionUID = 1L;

    Endpoint(IAS4CryptoFactory crypto, IAS4IncomingMessageProcessorSPI processor) {
      settings().setMultipartEnabled(false);
      handlerRegistry()
          .registerHandler(
              EHttpMethod.POST,
              new AS4XServletHandler()
                  .setRequestHandlerCustomizer(new OwnKeyAndProcessor(crypto, processor)));
    }
  }

  private record OwnKeyAndProcessor(
      IAS4CryptoFactory crypto, IAS4IncomingMessageProcessorSPI processor)
      implements IAS4ServletRequestHandlerCustomizer {
    @Override
    public void customizeBeforeHandling(
        IRequestWebScopeWithoutResponse scope,
        AS4UnifiedResponse response,
        AS4RequestHandler handler) {
      handler.setCryptoFactory(crypto);
      handler.setProcessorSupplier(() -> new CommonsArrayList<>(processor));
    }

    @Override
    public void customizeAfterHandling(
        IRequestWebScopeWithoutResponse scope,
        AS4UnifiedResponse response,
        AS4RequestHandler handler) {
      // the answer is complete
    }
  }
}
