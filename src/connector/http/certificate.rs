//! When the certificate ends that a system shows: noted where it is verified, for an alert that comes
//! before the system cannot be called any more.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::message::Timestamp;

/// When a certificate ends that was last found to hold.
#[derive(Debug, Default)]
pub(super) struct Until(AtomicI64);

impl Until {
    /// Nothing before the first connection with TLS.
    pub(super) fn get(&self) -> Option<Timestamp> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds != 0).then(|| Timestamp::from_millis(seconds.saturating_mul(1_000)))
    }
}

/// Verifies as another does, and notes when what holds will not.
#[derive(Debug)]
pub(super) struct Noting {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) until: Arc<Until>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        // One that cannot be read and holds all the same: then nothing is known of its end.
        if let Ok((_, certificate)) = X509Certificate::from_der(end_entity) {
            let end = certificate.validity().not_after.timestamp();
            self.until.0.store(end, Ordering::Relaxed);
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.verifier.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}
