import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ImportServiceApi;
import org.openapitools.client.api.ReferenceDataServiceApi;
import org.openapitools.client.model.Entry;
import org.openapitools.client.model.EntryLine;
import org.openapitools.client.model.ImportEntriesBody;
import org.openapitools.client.model.Status;
import org.openapitools.client.model.WatchImportLine;

public final class Clients {
  static final String REST = System.getenv("LOOP_REST"), TOMORROW = System.getenv("LOOP_TOMORROW"), ID = System.getenv("LOOP_ID");
  static final String PRACTICE = "demo", DOSSIER = "CEGID001", AUTHORIZATION = "Bearer clients";

  static ApiClient at(String origin) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(origin);
    client.setRequestInterceptor(request -> request.header("Authorization", AUTHORIZATION));
    return client;
  }

  static void expect(String step, Object got, Object want) {
    if (!Objects.equals(got, want)) throw new IllegalStateException(step + ": " + got + " instead of " + want);
    System.out.println("ok " + step);
  }

  static String reasonAt(String origin) throws Exception {
    try {
      new ReferenceDataServiceApi(at(origin)).referenceDataServiceListAccounts(PRACTICE, DOSSIER, null, null, "number = 1 OR number = 2", null, null);
      return null;
    } catch (ApiException e) {
      return ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), Status.class).getDetails().get(0).getReason();
    }
  }

  public static void main(String[] args) throws Exception {
    ImportServiceApi imports = new ImportServiceApi(at(REST));
    Entry entry = new Entry().journal("ACH").date(LocalDate.of(2026, 3, 15)).reference(ID).documentReference(ID)
        .lines(List.of(
            new EntryLine().account("60700000").label("ACHAT EXEMPLE").debit("100"),
            new EntryLine().account("44566000").label("TVA 20").debit("20"),
            new EntryLine().account("40100000").thirdParty("FEXEMPLE").label("FOURNISSEUR EXEMPLE").credit("120").dueDate(LocalDate.of(2026, 4, 14))));
    var sent = imports.importServiceImportEntries(PRACTICE, DOSSIER, new ImportEntriesBody().entries(List.of(entry)), "\"" + ID + "\"");
    expect("import", sent.getImportRecord().getRequestId(), ID);

    var listed = imports.importServiceListImports(PRACTICE, DOSSIER, null, null, null, null, ID, null, null, null);
    expect("list", listed.getImports().get(0).getRequestId(), ID);

    // The generated call reads one JSON value; a stream has many.
    var watch = HttpRequest.newBuilder(URI.create(REST + "/v1/practices/" + PRACTICE + "/dossiers/" + DOSSIER + "/imports/" + ID + ":watch")).header("Authorization", AUTHORIZATION).build();
    String state = null;
    for (String line : HttpClient.newHttpClient().send(watch, HttpResponse.BodyHandlers.ofLines()).body().toList()) {
      state = ApiClient.createDefaultObjectMapper().readValue(line, WatchImportLine.class).getResult().getImportRecord().getState();
    }
    expect("watch", state, "IMPORT_STATE_SUCCEEDED");

    expect("error", reasonAt(REST), "FILTER_UNSUPPORTED");

    var read = new ImportServiceApi(at(TOMORROW)).importServiceGetImport(PRACTICE, DOSSIER, ID);
    expect("state of tomorrow", read.getImportRecord().getState(), "IMPORT_STATE_OF_TOMORROW");
    expect("reason of tomorrow", reasonAt(TOMORROW), "REASON_OF_TOMORROW");
  }
}
