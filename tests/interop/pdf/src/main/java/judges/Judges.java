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
 * file, judge, verdict and reasons, parted by tabs. veraPDF judges each as PDF/A-3b, Mustang those
 * after "--mustang" as invoices, veraPDF those after "--accessible" as PDF/UA-1.
 */
public final class Judges {
    private Judges() {
    }

    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        String wanted = "";
        for (String argument : arguments) {
            if (argument.startsWith("--")) {
                wanted = argument;
                continue;
            }
            validate(argument, PDFAFlavour.PDFA_3_B, "PDF/A-3b");
            if (wanted.equals("--mustang")) {
                invoice(argument);
            } else if (wanted.equals("--accessible")) {
                validate(argument, PDFAFlavour.PDFUA_1, "PDF/UA-1");
            }
        }
    }

    private static void validate(String file, PDFAFlavour flavour, String name) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(file));
                PDFAParser parser = Foundries.defaultInstance().createParser(stream, flavour)) {
            ValidationResult result =
                    Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
            String reasons = result.getTestAssertions().stream()
                    .map(Judges::reason)
                    .collect(Collectors.toCollection(TreeSet::new))
                    .toString();
            say(file, "veraPDF " + name, result.isCompliant() ? name : "not " + name, reasons);
        } catch (org.verapdf.core.ModelParsingException | org.verapdf.core.EncryptedPdfException e) {
            say(file, "veraPDF " + name, "not " + name, String.valueOf(e.getMessage()));
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
