//! Fetch targets from a TUF repository with tough.
//!
//!     tuf-fetch-tough BASE_URL ROOT_JSON CACHE_DIR OUT_DIR TARGET...
//!
//! Metadata is at BASE_URL, targets are at BASE_URL/targets. ROOT_JSON is the root that the client
//! trusts to begin with. CACHE_DIR is kept between calls, and with it what the client has seen: that
//! is what lets it notice a rollback.
//!
//! Exit code: 0 accepted, 1 refused (one line says why, in the client's words), 2 the client came to
//! no judgement (usage, network, disk).

use std::error::Error;
use std::process::ExitCode;

use tough::{HttpTransportBuilder, Prefix, RepositoryLoader, TargetName, TransportError};
use url::Url;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [base, root, cache, out, names @ ..] = args.as_slice() else {
        eprintln!("usage: tuf-fetch-tough BASE_URL ROOT_JSON CACHE_DIR OUT_DIR TARGET...");
        return ExitCode::from(2);
    };
    match run(base, root, cache, out, names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_refusal(error.as_ref()) => {
            println!("{}", line(error.as_ref()));
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("{}", line(error.as_ref()));
            ExitCode::from(2)
        }
    }
}

fn run(base: &str, root: &str, cache: &str, out: &str, names: &[String]) -> Result<(), Box<dyn Error>> {
    let root = std::fs::read(root)?;
    std::fs::create_dir_all(cache)?;
    std::fs::create_dir_all(out)?;
    let base = base.trim_end_matches('/');
    let metadata = Url::parse(&format!("{base}/"))?;
    let targets = Url::parse(&format!("{base}/targets/"))?;
    let fetch = async {
        let repository = RepositoryLoader::new(&root, metadata, targets)
            // The server is on this machine: trying again would only hide what went wrong.
            .transport(HttpTransportBuilder::new().tries(1).build())
            .datastore(cache)
            .load()
            .await?;
        for name in names {
            let name = TargetName::new(name)?;
            repository.save_target(&name, out, Prefix::None).await?;
        }
        Ok(())
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch)
}

/// A file that could not be had is no refusal; one that was had and whose hash or length is wrong
/// is, although tough wraps both in a transport error.
fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let Some(tough::error::Error::Transport { source, .. }) = error.downcast_ref() else {
        return match error.downcast_ref::<TransportError>() {
            Some(error) => is_check(error),
            None => error.is::<tough::error::Error>(),
        };
    };
    is_check(source)
}

fn is_check(error: &TransportError) -> bool {
    error.source().is_some_and(|source| source.is::<tough::error::Error>())
}

fn line(error: &dyn Error) -> String {
    error.to_string().replace('\n', " ")
}
