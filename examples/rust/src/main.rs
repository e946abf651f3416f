//! What a program does with the service: sample pages|stream|import ID|watch ID|error|deadline.

use std::{env, error::Error, fs, time::Duration};

use tokio::time::{Instant, sleep};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt;

/// The stubs; the last part of their package is a reserved word.
#[allow(clippy::all, clippy::pedantic)]
mod stubs {
    include!(concat!(env!("OUT_DIR"), "/cegid.r#loop.v1.rs"));
}

use stubs::{
    Entry, EntryLine, ImportEntriesRequest, ImportEntriesResponse, ImportState, ListAccountsRequest, ListJournalsRequest,
    StreamAccountsRequest, WatchImportRequest, entry_line::Side, import_service_client::ImportServiceClient,
    reference_data_service_client::ReferenceDataServiceClient,
};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A connection, who calls, and which dossier it is about.
struct Caller {
    channel: Channel,
    token: Option<MetadataValue<Ascii>>,
    practice: String,
    dossier: String,
}

/// The environment says where the service is and who calls: without TLS the sandbox, or a private authority.
fn connect() -> Fallible<Caller> {
    let var = |name: &str| env::var(name).ok();
    let address = var("LOOP_ADDRESS").unwrap_or_else(|| "localhost:9090".into());
    let channel = match var("LOOP_AUTHORITY") {
        None => Endpoint::from_shared(format!("http://{address}"))?,
        Some(authority) => {
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fs::read(authority)?));
            if let (Some(chain), Some(key)) = (var("LOOP_CERTIFICATE"), var("LOOP_KEY")) {
                tls = tls.identity(Identity::from_pem(fs::read(chain)?, fs::read(key)?));
            }
            Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?
        }
    };
    Ok(Caller {
        channel: channel.http2_keep_alive_interval(Duration::from_secs(30)).connect_lazy(),
        token: var("LOOP_TOKEN").map(|token| format!("Bearer {token}").parse()).transpose()?,
        practice: var("LOOP_PRACTICE").unwrap_or_else(|| "demo".into()),
        dossier: var("LOOP_DOSSIER").unwrap_or_else(|| "CEGID001".into()),
    })
}

impl Caller {
    fn reference_data(&self) -> ReferenceDataServiceClient<Channel> {
        ReferenceDataServiceClient::new(self.channel.clone())
    }

    fn imports(&self) -> ImportServiceClient<Channel> {
        ImportServiceClient::new(self.channel.clone())
    }

    /// A request of this caller, with the time that it may take.
    fn ask<T>(&self, message: T, timeout: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(timeout);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }

    fn import_of(&self, number: &str, total: &str) -> ImportEntriesRequest {
        ImportEntriesRequest {
            practice: self.practice.clone(),
            dossier: self.dossier.clone(),
            request_id: number.into(), // the same for each attempt
            entries: vec![invoice(number, total)],
            ..Default::default()
        }
    }
}

/// The entry of a purchase invoice.
fn invoice(number: &str, total: &str) -> Entry {
    let line = |account: &str, label: &str, side: Side| EntryLine {
        account: account.into(),
        label: label.into(),
        side: Some(side),
        ..Default::default()
    };
    Entry {
        journal: "ACH".into(),
        date: "2026-03-15".into(),
        reference: number.into(),
        document_reference: number.into(),
        lines: vec![
            line("60700000", "Achat", Side::Debit("100.00".into())),
            line("44566000", "TVA 20 %", Side::Debit("20.00".into())),
            EntryLine {
                third_party: "FEXEMPLE".into(),
                ..line("40100000", "Fournisseur", Side::Credit(total.into()))
            },
        ],
        ..Default::default()
    }
}

/// How long to wait until a call may be repeated, if it may: as long as the service says, or a while.
fn come_back(status: &Status, pause: Duration) -> Option<Duration> {
    let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let service_said = status.get_details_error_info().is_some();
    match status.code() {
        Code::Unavailable => Some(told.unwrap_or(pause)),
        Code::ResourceExhausted if service_said => Some(told.unwrap_or(pause)),
        // A connection that was lost.
        Code::Unknown | Code::Internal | Code::Cancelled if !service_said => Some(pause),
        _ => None,
    }
}

/// Imports, and repeats with the same id until there is an answer, within the time.
async fn import_within(caller: &Caller, request: &ImportEntriesRequest, time: Duration) -> Result<ImportEntriesResponse, Status> {
    let end = Instant::now() + time;
    let mut pause = Duration::from_millis(200);
    loop {
        let left = end - Instant::now();
        let status = match caller.imports().import_entries(caller.ask(request.clone(), left)).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        match come_back(&status, pause) {
            Some(wait) if Instant::now() + wait < end => sleep(wait).await,
            _ => return Err(status),
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Tells each state of an import once, until it is final, through lost connections and restarts.
async fn follow(caller: &Caller, id: &str, mut tell: impl FnMut(&str)) -> Result<(), Status> {
    let mut last = ImportState::Unspecified;
    loop {
        let request = WatchImportRequest {
            practice: caller.practice.clone(),
            dossier: caller.dossier.clone(),
            request_id: id.into(),
        };
        let watched = async {
            let mut stream = caller
                .imports()
                .watch_import(caller.ask(request, Duration::from_mins(15)))
                .await?
                .into_inner();
            while let Some(answer) = stream.message().await? {
                let state = answer.import_record.unwrap_or_default().state();
                if state != last {
                    last = state;
                    tell(state.as_str_name().trim_start_matches("IMPORT_STATE_"));
                }
            }
            Ok::<(), Status>(())
        }
        .await;
        let on_its_way = [
            ImportState::Unspecified,
            ImportState::Received,
            ImportState::Submitting,
            ImportState::Waiting,
            ImportState::Running,
        ];
        if !on_its_way.contains(&last) {
            return Ok(());
        }
        if let Err(status) = watched {
            let Some(wait) = come_back(&status, Duration::from_millis(500)) else {
                return Err(status);
            };
            sleep(wait).await;
        }
    }
}

/// Lists accounts, twenty in a page; the token of a page asks for the next one.
async fn pages(caller: &Caller) -> Fallible<()> {
    let mut numbers = Vec::new();
    let mut request = ListAccountsRequest {
        practice: caller.practice.clone(),
        dossier: caller.dossier.clone(),
        page_size: 20,
        ..Default::default()
    };
    loop {
        let asked = caller.ask(request.clone(), Duration::from_mins(1));
        let page = caller.reference_data().list_accounts(asked).await?.into_inner();
        numbers.extend(page.accounts.into_iter().map(|account| account.number));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    println!(
        "pages: {} accounts, {} to {}",
        numbers.len(),
        numbers[0],
        numbers[numbers.len() - 1]
    );
    Ok(())
}

/// Streams all accounts. A stream that was cut has no place to go on from: begin anew.
async fn stream(caller: &Caller) -> Fallible<()> {
    for attempt in 1.. {
        let counted = async {
            let request = StreamAccountsRequest {
                practice: caller.practice.clone(),
                dossier: caller.dossier.clone(),
                ..Default::default()
            };
            let asked = caller.ask(request, Duration::from_mins(15));
            let mut stream = caller.reference_data().stream_accounts(asked).await?.into_inner();
            let mut count = 0;
            while let Some(answer) = stream.message().await? {
                count += answer.accounts.len();
            }
            Ok::<usize, Status>(count)
        }
        .await;
        match counted {
            Ok(count) => {
                println!("stream: {count} accounts");
                break;
            }
            Err(status) if attempt < 5 && come_back(&status, Duration::ZERO).is_some() => println!("stream: cut, begun anew"),
            Err(status) => return Err(status.into()),
        }
    }
    Ok(())
}

/// Imports an invoice; its number is the id, so that it is booked once, however often this runs.
async fn import(caller: &Caller, id: &str) -> Fallible<()> {
    let request = caller.import_of(id, "120.00");
    let answer = import_within(caller, &request, Duration::from_mins(1)).await?;
    println!("import {id}: {}", if answer.replayed() { "replayed" } else { "sent" });
    let mut last = String::new();
    follow(caller, id, |state| last = state.into()).await?;
    println!("import {id}: {last}");
    if import_within(caller, &request, Duration::from_mins(1)).await?.replayed() {
        println!("import {id}: replayed");
    }
    Ok(())
}

/// Imports an invoice and follows it, through restarts of the service.
async fn watch(caller: &Caller, id: &str) -> Fallible<()> {
    import_within(caller, &caller.import_of(id, "120.00"), Duration::from_mins(1)).await?;
    follow(caller, id, |state| println!("watch {id}: {state}")).await?;
    Ok(())
}

/// Reads an error: a reason for the program, a sentence for the accountant, and what to do.
async fn mistake(caller: &Caller) -> Fallible<()> {
    let request = caller.import_of("FA-6", "119.00");
    if let Err(status) = import_within(caller, &request, Duration::from_mins(1)).await {
        if let Some(info) = status.get_details_error_info() {
            println!("error: {}", info.reason);
        }
        for violation in french(&status)? {
            println!("error: at {}\nerror: {}", violation.0, violation.1);
        }
        println!(
            "error: {}",
            if come_back(&status, Duration::ZERO).is_some() {
                "repeat it"
            } else {
                "correct it"
            }
        );
    }
    Ok(())
}

/// Places that are wrong, with the sentence in French. tonic-types reads neither, so the details are read as what they are.
fn french(status: &Status) -> Fallible<Vec<(String, String)>> {
    use prost::Message;
    use stubs_of_errors::google::rpc::{BadRequest, Status as Told};
    let mut found = Vec::new();
    for detail in Told::decode(status.details())?.details {
        if detail.type_url.ends_with("/google.rpc.BadRequest") {
            for each in BadRequest::decode(detail.value.as_slice())?.field_violations {
                found.push((each.field, each.localized_message.unwrap_or_default().message));
            }
        }
    }
    Ok(found)
}

/// google.rpc as the service has it.
#[allow(clippy::all, clippy::pedantic, dead_code)]
mod stubs_of_errors {
    pub mod google {
        pub mod rpc {
            include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
        }
    }
}

/// Waits one second and no longer.
async fn deadline(caller: &Caller) -> Fallible<()> {
    let request = ListJournalsRequest {
        practice: caller.practice.clone(),
        dossier: caller.dossier.clone(),
        ..Default::default()
    };
    let asked = caller.ask(request, Duration::from_secs(1));
    match caller.reference_data().list_journals(asked).await {
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {
            println!("deadline: DEADLINE_EXCEEDED");
        }
        answer => {
            answer?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let caller = connect()?;
    match words[..] {
        ["pages"] => pages(&caller).await,
        ["stream"] => stream(&caller).await,
        ["import", id] => import(&caller, id).await,
        ["watch", id] => watch(&caller, id).await,
        ["error"] => mistake(&caller).await,
        ["deadline"] => deadline(&caller).await,
        _ => Err("pages, stream, import ID, watch ID, error or deadline".into()),
    }
}
