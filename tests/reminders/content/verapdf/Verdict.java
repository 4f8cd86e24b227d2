import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Says for each file whether veraPDF finds it to be PDF/A-3b, and what it finds wrong. */
public final class Verdict {
    private Verdict() {
    }

    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (String file : files) {
            ValidationResult result = validate(Path.of(file));
            System.out.println(file + (result.isCompliant() ? " compliant" : " failed"));
            for (TestAssertion assertion : result.getTestAssertions()) {
                System.out.println("  " + assertion.getRuleId() + " " + assertion.getMessage());
            }
        }
    }

    private static ValidationResult validate(Path file) throws Exception {
        PDFAFlavour flavour = PDFAFlavour.PDFA_3_B;
        try (InputStream stream = Files.newInputStream(file);
                PDFAParser parser = Foundries.defaultInstance().createParser(stream, flavour)) {
            return Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
        }
    }
}
