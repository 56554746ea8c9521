//! Certificates and SSH.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tiphys_git::{ObjectId, Reference, Remote, RemoteError, Store};
use tokio_rustls::TlsAcceptor;

use crate::server::{Manners, Place, start_with};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, as PEM.
fn certificate(issuer: &Issuer, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Accepts only who has a certificate of the authority.
fn acceptor(issuer: &Issuer) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(issuer.pem().as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = certificate(issuer, ExtendedKeyUsagePurpose::ServerAuth);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn list(remote: Remote) -> Result<Vec<Reference>, RemoteError> {
    tokio::task::spawn_blocking(move || remote.references()).await.unwrap()
}

#[tokio::test]
async fn certificates_are_shown_and_checked() {
    let place = Place::new();
    let commit = place.push("first");
    let ours = authority();
    let address = start_with(place.folder.path().to_owned(), Manners::default(), Some(acceptor(&ours))).await;
    let remote = |authority: Option<String>, client: Option<(String, String)>| {
        let mut remote = Remote::new(format!("https://{address}/app.git"));
        remote.authorities = authority;
        remote.credentials.certificate = client;
        remote
    };
    let client = || Some(certificate(&ours, ExtendedKeyUsagePurpose::ClientAuth));
    let found = list(remote(Some(ours.pem()), client())).await.unwrap();
    assert!(found.iter().any(|reference| reference.commit == commit));
    let unchecked = Remote { is_insecure: true, ..remote(None, client()) };
    assert!(list(unchecked).await.is_ok(), "insecure checks nothing, and still shows who we are");
    let stranger = authority();
    let theirs = certificate(&stranger, ExtendedKeyUsagePurpose::ClientAuth);
    for (name, remote, expected) in [
        ("the system's authorities", remote(None, client()), "UnknownIssuer"),
        ("another authority", remote(Some(stranger.pem()), client()), "certificate"),
        ("no certificate of ours", remote(Some(ours.pem()), None), "ertificate"),
        ("one of a stranger", remote(Some(ours.pem()), Some(theirs)), ""),
    ] {
        let error = list(remote).await.unwrap_err();
        assert!(matches!(error, RemoteError::Conversation { .. }), "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    for (field, remote) in [
        ("authorities", remote(Some("nothing".to_owned()), None)),
        ("tlsClientCertData", remote(Some(ours.pem()), Some(("x".to_owned(), ours.key().serialize_pem())))),
        ("tlsClientCertKey", remote(Some(ours.pem()), Some((ours.pem(), "x".to_owned())))),
    ] {
        let error = list(remote).await.unwrap_err();
        assert!(matches!(error, RemoteError::Trust { field: found, .. } if found == field), "{field}: {error}");
    }
}

/// A program that stands in for ssh: it notes what it was given, and runs what should run on the other side here.
fn stand_in(folder: &Path) -> String {
    let path = folder.join("ssh");
    let noted = folder.join("noted");
    std::fs::create_dir_all(&noted).unwrap();
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {noted}/arguments\nwhile true; do\n  case $1 in\n    git@*) shift; exec sh -c \"$*\";;\n    -i) cp -p \"$2\" {noted}/key;;\n    UserKnownHostsFile=/dev/null) ;;\n    UserKnownHostsFile=*) cp \"${{1#*=}}\" {noted}/hosts;;\n  esac\n  shift\ndone\n",
        noted = noted.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn over_ssh(place: &Place, port: &str) -> Remote {
    let mut remote = Remote::new(format!("ssh://git@example.com{port}{}", place.served().display()));
    remote.ssh = stand_in(place.folder.path());
    remote.credentials.ssh_key = Some("-----BEGIN KEY-----".to_owned());
    remote.known_hosts = Some("example.com ssh-ed25519 AAAA".to_owned());
    remote
}

fn noted(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.folder.path().join("noted").join(name)).unwrap()
}

fn fetch(remote: &Remote, commit: ObjectId) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.fetch(remote, &[commit], 1).unwrap();
    assert!(store.has(commit));
}

#[test]
fn ssh_gets_the_key_and_the_known_hosts_and_nothing_of_the_machine() {
    let place = Place::new();
    let commit = place.push("first");
    for port in ["", ":2222"] {
        let remote = over_ssh(&place, port);
        assert!(remote.references().unwrap().iter().any(|reference| reference.commit == commit));
        fetch(&remote, commit);
        let arguments = noted(&place, "arguments");
        for expected in
            ["BatchMode=yes", "-F\n/dev/null", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "git@example.com"]
        {
            assert!(arguments.contains(expected), "{expected}: {arguments}");
        }
        assert_eq!(arguments.contains("-p2222"), !port.is_empty(), "{arguments}");
        assert_eq!(noted(&place, "key"), "-----BEGIN KEY-----\n");
        assert_eq!(noted(&place, "hosts"), "example.com ssh-ed25519 AAAA\n");
        let key = place.folder.path().join("noted/key");
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        let path = arguments.lines().skip_while(|line| *line != "-i").nth(1).unwrap();
        assert!(!Path::new(path).exists(), "the key is gone after the conversation");
    }
}

#[test]
fn ssh_without_checks_only_when_told() {
    let place = Place::new();
    place.push("first");
    let remote = Remote { is_insecure: true, ..over_ssh(&place, "") };
    remote.references().unwrap();
    assert!(noted(&place, "arguments").contains("StrictHostKeyChecking=no"));
}
