package peer;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

import org.w3c.dom.Document;

import com.helger.phive.api.execute.ValidationExecutionManager;
import com.helger.phive.api.executorset.IValidationExecutorSet;
import com.helger.phive.api.executorset.ValidationExecutorSetRegistry;
import com.helger.phive.api.result.ValidationResultList;
import com.helger.phive.api.validity.IValidityDeterminator;
import com.helger.phive.peppol.PeppolValidation;
import com.helger.phive.peppol.PeppolValidation2026_05;
import com.helger.phive.xml.source.IValidationSourceXML;
import com.helger.phive.xml.source.ValidationSourceXML;
import com.helger.xml.serialize.read.DOMReader;
import com.sun.management.OperatingSystemMXBean;

/**
 * phive as a process that validates and measures itself. Reads lines "repeats path" on standard
 * input and answers each with one JSON object: seconds of processor time of one validation, the
 * reading of the bytes as XML included, and the number of errors. Ends when its input is closed.
 */
public final class PhiveValidator {
  private PhiveValidator() {}

  public static void main(String[] args) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    var registry = new ValidationExecutorSetRegistry<IValidationSourceXML>();
    PeppolValidation.initStandard(registry);
    IValidationExecutorSet<IValidationSourceXML> rules =
        registry.getOfID(PeppolValidation2026_05.VID_OPENPEPPOL_INVOICE_UBL_V3);
    var clock = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      String[] parts = order.split(" ", 2);
      int repeats = Integer.parseInt(parts[0]);
      byte[] content = Files.readAllBytes(Path.of(parts[1]));
      int errors = 0;
      long began = clock.getProcessCpuTime();
      for (int turn = 0; turn < repeats; turn++) {
        errors = validate(rules, content);
      }
      double seconds = (clock.getProcessCpuTime() - began) / 1e9 / repeats;
      answers.printf(Locale.ROOT, "{\"seconds\": %.9f, \"errors\": %d}%n", seconds, errors);
    }
  }

  private static int validate(IValidationExecutorSet<IValidationSourceXML> rules, byte[] content) {
    Document document = DOMReader.readXMLDOM(content);
    ValidationResultList results =
        ValidationExecutionManager.executeValidation(
            IValidityDeterminator.createDefault(),
            rules,
            ValidationSourceXML.create("bench", document),
            Locale.ENGLISH);
    return results.getAllErrors().size();
  }
}
