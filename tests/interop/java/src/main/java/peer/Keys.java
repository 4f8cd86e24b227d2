package peer;

import com.helger.phase4.crypto.AS4CryptoFactoryInMemoryKeyStore;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.security.certificate.TrustedCAChecker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;

/**
 * The key material of this access point, read from the folder the tests prepare: the key stores
 * ({@code *.p12}), {@code trust.p12} with the root and the access point CA, and {@code ap-ca.pem}.
 */
record Keys(Path folder, KeyStore trustStore, Map<String, IAS4CryptoFactory> opened) {
  private static final char[] PASSWORD = "peppol".toCharArray();
  private static final String ALIAS = "ap";

  static Keys in(Path folder) throws GeneralSecurityException, IOException {
    return new Keys(folder, keyStore(folder.resolve("trust.p12")), new HashMap<>());
  }

  /** Signs and decrypts with the key in the named store, trusts what chains to the trust store. */
  synchronized IAS4CryptoFactory crypto(String store)
      throws GeneralSecurityException, IOException {
    var known = opened.get(store);
    if (known == null) {
      // Opening one takes as long as sending a message.
      known =
          new AS4CryptoFactoryInMemoryKeyStore(
              keyStore(folder.resolve(store)), ALIAS, PASSWORD, trustStore);
      opened.put(store, known);
    }
    return known;
  }

  /** The second, Peppol-specific question: was a certificate issued by the access point CA? */
  TrustedCAChecker accessPointCa() throws GeneralSecurityException, IOException {
    return new TrustedCAChecker(certificate(folder.resolve("ap-ca.pem")));
  }

  static X509Certificate certificate(Path pem) throws GeneralSecurityException, IOException {
    try (var in = Files.newInputStream(pem)) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static KeyStore keyStore(Path file) throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    try (var in = Files.newInputStream(file)) {
      store.load(in, PASSWORD);
    }
    return store;
  }
}
