//! The commands with which stock clients check a canary.

use std::path::Path;

use super::bundle;

/// A client, and what to type.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// The client.
    pub client: &'static str,
    /// A command for a shell.
    pub command: String,
}

/// The commands for the files in a folder. `stamped` says whether the bundle has a timestamp, which cosign
/// wants to be told.
pub fn checks(folder: &Path, identity: &str, issuer: &str, stamped: bool) -> Vec<Check> {
    let file = |name: &str| quoted(&folder.join(name).display().to_string());
    let (bundle, root, artifact) = (file(bundle::FILE), file("trusted_root.json"), file("artifact"));
    let (identity_word, issuer_word) = (quoted(identity), quoted(issuer));
    // sigstore-js has no command for a private trust root: its library does it.
    let script = r#"const fs=require("fs"),[b,r,a,i,o]=process.argv.slice(1);\
const{bundleFromJSON}=require("@sigstore/bundle"),{TrustedRoot}=require("@sigstore/protobuf-specs");\
const{Verifier,toSignedEntity,toTrustMaterial}=require("@sigstore/verify"),j=f=>JSON.parse(fs.readFileSync(f));\
new Verifier(toTrustMaterial(TrustedRoot.fromJSON(j(r)))).verify(toSignedEntity(bundleFromJSON(j(b)),fs.readFileSync(a)),\
{subjectAlternativeName:"^"+i.replace(/[.*+?^${}()|[\]\\]/g,"\\$&")+"$",extensions:{issuer:o}});console.log("OK")"#
        .replace("\\\n", "");
    let stamps = if stamped { " --use-signed-timestamps" } else { "" };
    vec![
        Check {
            client: "cosign",
            command: format!(
                "cosign verify-blob --new-bundle-format{stamps} --bundle {bundle} --trusted-root {root} --certificate-identity {identity_word} --certificate-oidc-issuer {issuer_word} {artifact}"
            ),
        },
        Check {
            client: "sigstore-python",
            command: format!(
                "sigstore --trust-config {} verify identity --offline --bundle {bundle} --cert-identity {identity_word} --cert-oidc-issuer {issuer_word} {artifact}",
                file("client_trust_config.json")
            ),
        },
        Check {
            client: "sigstore-js",
            command: format!(
                "node -e {} {bundle} {root} {artifact} {identity_word} {issuer_word}",
                quoted(&script)
            ),
        },
        Check {
            client: "sigstore-go",
            command: format!(
                "sigstore-go -artifact {artifact} -trustedrootJSONpath {root} -expectedSAN {identity_word} -expectedIssuer {issuer_word} {bundle}"
            ),
        },
    ]
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c));
    if plain { word.to_string() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("a/b.json"), "a/b.json");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
        let commands = checks(Path::new("my canary"), "canary@example.org", "https://issuer.example", true);
        assert_eq!(commands.len(), 4);
        assert!(commands.iter().all(|check| check.command.contains("'my canary/bundle.sigstore.json'")));
    }
}
