package judges;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.stream.Collectors;

import org.mustangproject.validator.ZUGFeRDValidator;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * Says of each file named in its arguments what veraPDF and Mustang think of it, a line for each:
 * file, judge, verdict and reasons, parted by tabs. Mustang is asked about files after "--mustang".
 */
public final class Judges {
    private Judges() {
    }

    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        boolean invoices = false;
        for (String argument : arguments) {
            if (argument.equals("--mustang")) {
                invoices = true;
                continue;
            }
            archivable(argument);
            if (invoices) {
                invoice(argument);
            }
        }
    }

    private static void archivable(String file) throws Exception {
        PDFAFlavour flavour = PDFAFlavour.PDFA_3_B;
        try (InputStream stream = Files.newInputStream(Path.of(file));
                PDFAParser parser = Foundries.defaultInstance().createParser(stream, flavour)) {
            ValidationResult result =
                    Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
            String reasons = result.getTestAssertions().stream()
                    .map(Judges::reason)
                    .collect(Collectors.toCollection(TreeSet::new))
                    .toString();
            say(file, "veraPDF", result.isCompliant() ? "PDF/A-3b" : "not PDF/A-3b", reasons);
        } catch (org.verapdf.core.ModelParsingException | org.verapdf.core.EncryptedPdfException e) {
            say(file, "veraPDF", "not PDF/A-3b", String.valueOf(e.getMessage()));
        }
    }

    private static String reason(TestAssertion assertion) {
        return assertion.getRuleId().getClause() + "-" + assertion.getRuleId().getTestNumber()
                + " " + assertion.getMessage();
    }

    private static void invoice(String file) throws Exception {
        ZUGFeRDValidator validator = new ZUGFeRDValidator();
        String report = validator.validate(Files.readAllBytes(Path.of(file)), file);
        say(file, "Mustang", validator.wasCompletelyValid() ? "valid" : "invalid", report);
    }

    private static void say(String file, String judge, String verdict, String reasons) {
        System.out.println(String.join("\t", file, judge, verdict, reasons.replaceAll("\\s+", " ")));
    }
}
