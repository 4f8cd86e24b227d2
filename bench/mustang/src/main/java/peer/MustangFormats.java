package peer;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

import org.mustangproject.CII.CIIToUBL;
import org.mustangproject.Invoice;
import org.mustangproject.ZUGFeRD.Profiles;
import org.mustangproject.ZUGFeRD.ZUGFeRD2PullProvider;
import org.mustangproject.ZUGFeRD.ZUGFeRDExporterFromA3;
import org.mustangproject.ZUGFeRD.ZUGFeRDInvoiceImporter;
import org.mustangproject.ZUGFeRD.ZUGFeRDVisualizer;

import com.sun.management.OperatingSystemMXBean;

/**
 * Mustang as a process that works and measures itself. Reads lines "task|repeats|path|other path"
 * on standard input and answers each with one JSON object: seconds of processor time of one round,
 * without what a task starts from, and the bytes of the result; or why it is absent. Ends when its
 * input is closed.
 */
public final class MustangFormats {
  private MustangFormats() {}

  private interface Task {
    byte[] once() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // Its own words on standard output would be taken for answers.
    System.setOut(System.err);
    var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String prepared = "";
    Task task = null;
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      String[] parts = order.split("\\|", -1);
      try {
        String starting = parts[0] + "|" + parts[2];
        if (!starting.equals(prepared)) {
          task = task(parts);
          prepared = starting;
        }
        answers.println(measured(task, Integer.parseInt(parts[1])));
      } catch (Exception | OutOfMemoryError | StackOverflowError error) {
        String why = String.valueOf(error).replaceAll("[^ -~]|[\"\\\\]", " ");
        answers.printf("{\"absent\": \"%s\"}%n", why.substring(0, Math.min(200, why.length())));
      }
    }
  }

  private static String measured(Task task, int repeats) throws Exception {
    var clock = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    byte[] made = null;
    long began = clock.getProcessCpuTime();
    for (int turn = 0; turn < repeats; turn++) {
      made = task.once();
    }
    double seconds = (clock.getProcessCpuTime() - began) / 1e9 / repeats;
    return String.format(
        Locale.ROOT, "{\"seconds\": %.9f, \"size\": %d}", seconds, made == null ? 0 : made.length);
  }

  private static Task task(String[] parts) throws Exception {
    byte[] content = Files.readAllBytes(Path.of(parts[2]));
    switch (parts[0]) {
      case "read UBL", "read CII":
        return () -> {
          read(content);
          return null;
        };
      case "write CII":
        Invoice invoice = read(content);
        return () -> write(invoice);
      case "UBL to CII":
        return () -> write(read(content));
      case "CII to UBL":
        File target = File.createTempFile("converted", ".xml");
        target.deleteOnExit();
        return () -> {
          new CIIToUBL().convert(new File(parts[2]), target);
          return Files.readAllBytes(target.toPath());
        };
      case "render HTML":
        return () ->
            new ZUGFeRDVisualizer()
                .visualize(new ByteArrayInputStream(content), ZUGFeRDVisualizer.Language.FR)
                .getBytes(StandardCharsets.UTF_8);
      case "render PDF":
        return () ->
            new ZUGFeRDVisualizer()
                .toPDF(new String(content, StandardCharsets.UTF_8), ZUGFeRDVisualizer.Language.FR);
      case "XML into PDF":
        byte[] pdf = Files.readAllBytes(Path.of(parts[3]));
        return () -> into(pdf, content);
      default:
        throw new IllegalArgumentException("does not do it");
    }
  }

  private static Invoice read(byte[] content) throws Exception {
    var importer = new ZUGFeRDInvoiceImporter();
    importer.doIgnoreCalculationErrors();
    importer.setRawXML(content);
    return importer.extractInvoice();
  }

  private static byte[] write(Invoice invoice) {
    var provider = new ZUGFeRD2PullProvider();
    provider.setProfile(Profiles.getByName("EN16931"));
    provider.generateXML(invoice);
    return provider.getXML();
  }

  private static byte[] into(byte[] pdf, byte[] xml) throws Exception {
    try (var exporter = new ZUGFeRDExporterFromA3()) {
      exporter.load(pdf);
      exporter.setProfile(Profiles.getByName("EN16931"));
      exporter.setXML(xml);
      var result = new ByteArrayOutputStream();
      exporter.export(result);
      return result.toByteArray();
    }
  }
}
