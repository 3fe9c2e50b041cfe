//! The lab's certificate authority: made once a folder, trusted by nobody but whoever is
//! handed its bundle.

use crate::error::LocalCloudError;
use crate::store::write_beside;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where systems keep their roots; the first that exists is copied into the bundle.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    bundle: PathBuf,
}

fn parameters() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Cloud Security Lab local CA");
    params.distinguished_name.push(DnType::OrganizationName, "Cloud Security Lab");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn failed(cause: impl std::fmt::Display) -> LocalCloudError {
    LocalCloudError::Certificate(cause.to_string())
}

impl CertificateAuthority {
    /// Loads the folder's authority, or makes one. The key stays in the folder, mode 0600.
    pub fn open(folder: &Path) -> Result<Self, LocalCloudError> {
        let key_path = folder.join("ca-key.pem");
        let cert_path = folder.join("ca.pem");
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause| LocalCloudError::File { path, cause }
        };
        let (key, certificate) =
            match (fs::read_to_string(&key_path), fs::read_to_string(&cert_path)) {
                (Ok(key), Ok(certificate)) => {
                    (KeyPair::from_pem(&key).map_err(failed)?, certificate)
                }
                _ => {
                    let key = KeyPair::generate().map_err(failed)?;
                    let certificate = parameters().self_signed(&key).map_err(failed)?.pem();
                    write_private(&key_path, key.serialize_pem().as_bytes())
                        .map_err(io(&key_path))?;
                    write_beside(&cert_path, certificate.as_bytes()).map_err(io(&cert_path))?;
                    (key, certificate)
                }
            };
        let bundle = folder.join("ca-bundle.pem");
        let mut roots =
            SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        roots.push('\n');
        roots.push_str(&certificate);
        write_beside(&bundle, roots.as_bytes()).map_err(io(&bundle))?;
        Ok(CertificateAuthority { issuer: Issuer::new(parameters(), key), certificate, bundle })
    }

    /// The system's roots and this authority.
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    fn leaf(&self, host: &str) -> Result<CertifiedKey, String> {
        let mut params =
            CertificateParams::new(vec![host.to_owned()]).map_err(|e| e.to_string())?;
        params
            .distinguished_name
            .push(DnType::CommonName, host.chars().take(60).collect::<String>());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| e.to_string())?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signer =
            rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|e| e.to_string())?;
        Ok(CertifiedKey::new(chain, signer))
    }

    /// A server that shows a leaf of this authority for whatever host is asked for.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, LocalCloudError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Leaves { ca: self.clone(), made: Mutex::default() }));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

struct Leaves {
    ca: Arc<CertificateAuthority>,
    made: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leaves")
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name()?.to_owned();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = made.get(&host) {
            return Some(leaf.clone());
        }
        match self.ca.leaf(&host) {
            Ok(leaf) => {
                let leaf = Arc::new(leaf);
                made.insert(host, leaf.clone());
                Some(leaf)
            }
            Err(cause) => {
                tracing::warn!(host, cause, "no certificate could be made");
                None
            }
        }
    }
}

/// Writes a file that only its owner may read, beside its place and renamed into it.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&beside).and_then(|mut file| file.write_all(bytes))?;
    fs::rename(&beside, path)
}
