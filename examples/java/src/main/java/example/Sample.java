package example;

import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import internal.cegid.loop.v1.Account;
import internal.cegid.loop.v1.Entry;
import internal.cegid.loop.v1.EntryLine;
import internal.cegid.loop.v1.ImportEntriesRequest;
import internal.cegid.loop.v1.ImportEntriesResponse;
import internal.cegid.loop.v1.ImportServiceGrpc;
import internal.cegid.loop.v1.ImportState;
import internal.cegid.loop.v1.ListAccountsRequest;
import internal.cegid.loop.v1.ListAccountsResponse;
import internal.cegid.loop.v1.ListJournalsRequest;
import internal.cegid.loop.v1.ReferenceDataServiceGrpc;
import internal.cegid.loop.v1.StreamAccountsRequest;
import internal.cegid.loop.v1.WatchImportRequest;
import io.grpc.CallCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What a program does with the service: pages, stream, import ID, watch ID, error or deadline. */
public final class Sample {
  private static final String PRACTICE = env("LOOP_PRACTICE", "demo");
  private static final String DOSSIER = env("LOOP_DOSSIER", "CEGID001");

  private final ReferenceDataServiceGrpc.ReferenceDataServiceBlockingStub data;
  private final ImportServiceGrpc.ImportServiceBlockingStub imports;

  private Sample(ManagedChannel channel, CallCredentials caller) {
    data = ReferenceDataServiceGrpc.newBlockingStub(channel).withCallCredentials(caller);
    imports = ImportServiceGrpc.newBlockingStub(channel).withCallCredentials(caller);
  }

  /** Runs a command. */
  public static void main(String[] words) throws Exception {
    if (words.length == 0) {
      System.err.println("say one of: pages, stream, import ID, watch ID, error, deadline");
      System.exit(2);
    }
    ManagedChannel channel = connect();
    try {
      Sample sample = new Sample(channel, new Token(System.getenv("LOOP_TOKEN")));
      switch (words[0]) {
        case "pages" -> sample.pages();
        case "stream" -> sample.stream();
        case "import" -> sample.importOne(words[1]);
        case "watch" -> sample.watch(words[1]);
        case "error" -> sample.mistake();
        case "deadline" -> sample.deadline();
        default -> throw new IllegalArgumentException(words[0]);
      }
    } finally {
      channel.shutdownNow();
    }
  }

  /** Connects as the environment says: without TLS to the sandbox, or with a private authority. */
  private static ManagedChannel connect() throws IOException {
    var credentials = InsecureChannelCredentials.create();
    if (System.getenv("LOOP_AUTHORITY") != null) {
      var tls = TlsChannelCredentials.newBuilder();
      tls.trustManager(new File(System.getenv("LOOP_AUTHORITY")));
      if (System.getenv("LOOP_CERTIFICATE") != null) {
        tls.keyManager(
            new File(System.getenv("LOOP_CERTIFICATE")), new File(System.getenv("LOOP_KEY")));
      }
      credentials = tls.build();
    }
    // Published with the contract: the channel repeats what may be repeated.
    try (var config = Sample.class.getResourceAsStream("/service_config.json")) {
      var reader = new InputStreamReader(Objects.requireNonNull(config), StandardCharsets.UTF_8);
      Map<String, ?> serviceConfig = new Gson().<Map<String, ?>>fromJson(reader, Map.class);
      return Grpc.newChannelBuilder(env("LOOP_ADDRESS", "localhost:9090"), credentials)
          .defaultServiceConfig(serviceConfig)
          .enableRetry()
          .build();
    }
  }

  private static String env(String name, String otherwise) {
    return Optional.ofNullable(System.getenv(name)).orElse(otherwise);
  }

  /** Says who calls; without a token it is the client certificate that does. */
  private static final class Token extends CallCredentials {
    private final Metadata headers = new Metadata();

    Token(String token) {
      if (token != null) {
        var name = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        headers.put(name, "Bearer " + token);
      }
    }

    @Override
    public void applyRequestMetadata(RequestInfo request, Executor executor, MetadataApplier to) {
      to.apply(headers);
    }
  }

  /** The import of a purchase invoice. Its number is the id, the same for each attempt. */
  private static ImportEntriesRequest invoice(String number, String total) {
    return ImportEntriesRequest.newBuilder()
        .setPractice(PRACTICE)
        .setDossier(DOSSIER)
        .setRequestId(number)
        .addEntries(
            Entry.newBuilder()
                .setJournal("ACH")
                .setDate("2026-03-15")
                .setReference(number)
                .setDocumentReference(number)
                .addLines(line("60700000", "Achat").setDebit("100.00"))
                .addLines(line("44566000", "TVA 20 %").setDebit("20.00"))
                .addLines(
                    line("40100000", "Fournisseur").setThirdParty("FEXEMPLE").setCredit(total)))
        .build();
  }

  private static EntryLine.Builder line(String account, String label) {
    return EntryLine.newBuilder().setAccount(account).setLabel(label);
  }

  /** A detail of an error, if it has it. */
  private static <T extends com.google.protobuf.Message> Optional<T> detail(
      StatusRuntimeException error, Class<T> kind) {
    var status = StatusProto.fromThrowable(error);
    if (status != null) {
      for (Any each : status.getDetailsList()) {
        if (each.is(kind)) {
          try {
            return Optional.of(each.unpack(kind));
          } catch (InvalidProtocolBufferException damaged) {
            return Optional.empty();
          }
        }
      }
    }
    return Optional.empty();
  }

  /** How long to wait until a call may be repeated, if it may: as the service says, or a while. */
  private static Optional<Duration> comeBack(StatusRuntimeException error, Duration pause) {
    Duration wait =
        detail(error, RetryInfo.class)
            .map(it -> it.getRetryDelay())
            .map(it -> Duration.ofSeconds(it.getSeconds(), it.getNanos()))
            .orElse(pause);
    boolean serviceSaid = detail(error, ErrorInfo.class).isPresent();
    return switch (error.getStatus().getCode()) {
      case UNAVAILABLE -> Optional.of(wait);
      // Without a reason it is the message that is too large.
      case RESOURCE_EXHAUSTED -> serviceSaid ? Optional.of(wait) : Optional.empty();
      // A connection that was lost.
      case UNKNOWN, INTERNAL -> serviceSaid ? Optional.empty() : Optional.of(wait);
      default -> Optional.empty();
    };
  }

  /** Imports, and repeats with the same id until there is an answer, within a minute. */
  private ImportEntriesResponse submit(ImportEntriesRequest request) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    Duration pause = Duration.ofMillis(200);
    while (true) {
      try {
        long left = end - System.nanoTime();
        return imports.withDeadlineAfter(left, TimeUnit.NANOSECONDS).importEntries(request);
      } catch (StatusRuntimeException error) {
        Duration wait = comeBack(error, pause).orElseThrow(() -> error);
        if (System.nanoTime() + wait.toNanos() > end) {
          throw error;
        }
        Thread.sleep(wait.toMillis());
        pause = pause.multipliedBy(2);
      }
    }
  }

  /**
   * Tells each state of an import once, until it is final, through lost connections and restarts.
   */
  private void follow(String id, Consumer<String> tell) throws InterruptedException {
    var request =
        WatchImportRequest.newBuilder()
            .setPractice(PRACTICE)
            .setDossier(DOSSIER)
            .setRequestId(id)
            .build();
    var last = ImportState.IMPORT_STATE_UNSPECIFIED;
    while (true) {
      try {
        var answers = imports.watchImport(request);
        while (answers.hasNext()) {
          var state = answers.next().getImportRecord().getState();
          if (state != last) {
            last = state;
            tell.accept(state.name().replace("IMPORT_STATE_", ""));
          }
        }
      } catch (StatusRuntimeException error) {
        Thread.sleep(comeBack(error, Duration.ofMillis(500)).orElseThrow(() -> error).toMillis());
        continue;
      }
      switch (last) {
        case IMPORT_STATE_UNSPECIFIED,
            IMPORT_STATE_RECEIVED,
            IMPORT_STATE_SUBMITTING,
            IMPORT_STATE_WAITING,
            IMPORT_STATE_RUNNING -> {} // a watch ends after ten minutes
        default -> {
          return;
        }
      }
    }
  }

  /** Lists accounts, twenty in a page; the token of a page asks for the next one. */
  private void pages() {
    List<String> numbers = new ArrayList<>();
    String token = "";
    do {
      ListAccountsResponse page =
          data.withDeadlineAfter(1, TimeUnit.MINUTES)
              .listAccounts(
                  ListAccountsRequest.newBuilder()
                      .setPractice(PRACTICE)
                      .setDossier(DOSSIER)
                      .setPageSize(20)
                      .setPageToken(token)
                      .build());
      page.getAccountsList().stream().map(Account::getNumber).forEach(numbers::add);
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    System.out.printf(
        "pages: %d accounts, %s to %s%n",
        numbers.size(), numbers.get(0), numbers.get(numbers.size() - 1));
  }

  /** Streams all accounts. A stream that was cut has no place to go on from: it begins anew. */
  private void stream() {
    var request =
        StreamAccountsRequest.newBuilder().setPractice(PRACTICE).setDossier(DOSSIER).build();
    for (int attempt = 1; ; attempt++) {
      try {
        int count = 0;
        for (var answers = data.streamAccounts(request); answers.hasNext(); ) {
          count += answers.next().getAccountsCount();
        }
        System.out.printf("stream: %d accounts%n", count);
        return;
      } catch (StatusRuntimeException error) {
        if (attempt == 5 || comeBack(error, Duration.ZERO).isEmpty()) {
          throw error;
        }
        System.out.println("stream: cut, begun anew");
      }
    }
  }

  /** Imports an invoice, which is booked once, however often this runs. */
  private void importOne(String id) throws InterruptedException {
    var request = invoice(id, "120.00");
    System.out.printf("import %s: %s%n", id, submit(request).getReplayed() ? "replayed" : "sent");
    String[] last = {""};
    follow(id, state -> last[0] = state);
    System.out.printf("import %s: %s%n", id, last[0]);
    if (submit(request).getReplayed()) {
      System.out.printf("import %s: replayed%n", id);
    }
  }

  /** Imports an invoice and follows it, through restarts of the service. */
  private void watch(String id) throws InterruptedException {
    submit(invoice(id, "120.00"));
    follow(id, state -> System.out.printf("watch %s: %s%n", id, state));
  }

  /** Reads an error: a reason for the program, a sentence for the accountant, and what to do. */
  private void mistake() throws InterruptedException {
    try {
      submit(invoice("FA-6", "119.00"));
    } catch (StatusRuntimeException error) {
      detail(error, ErrorInfo.class)
          .ifPresent(it -> System.out.println("error: " + it.getReason()));
      var places = detail(error, BadRequest.class).orElse(BadRequest.getDefaultInstance());
      for (var each : places.getFieldViolationsList()) {
        System.out.println("error: at " + each.getField());
        System.out.println("error: " + each.getLocalizedMessage().getMessage());
      }
      boolean again = comeBack(error, Duration.ZERO).isPresent();
      System.out.println(again ? "error: repeat it" : "error: correct it");
    }
  }

  /** Waits one second and no longer. */
  private void deadline() {
    var request =
        ListJournalsRequest.newBuilder().setPractice(PRACTICE).setDossier(DOSSIER).build();
    try {
      var unused = data.withDeadlineAfter(1, TimeUnit.SECONDS).listJournals(request);
      System.out.println("deadline: kept, with " + unused.getJournalsCount() + " journals");
    } catch (StatusRuntimeException error) {
      Status.Code code = error.getStatus().getCode();
      System.out.println("deadline: " + code);
    }
  }
}
