//! What the stand-ins of agency systems understand: for each target, where it is called, and what
//! a delivery says about the document that it stems from.

use serde_json::Value;

use super::{
    expected::{candidates, digest, text},
    figures::Receipt,
};

/// The stand-ins, and the environment variable that holds the address of each.
pub(super) const SYSTEMS: [System; 6] = [
    System { name: "bawaslu", address_variable: "BAWASLU_URL", secret: "bawaslu-token" },
    System { name: "ppid", address_variable: "PPID_URL", secret: "ppid-password" },
    System { name: "tabulasi", address_variable: "TABULASI_URL", secret: "tabulasi-token" },
    System { name: "arsip", address_variable: "ARSIP_URL", secret: "arsip-token" },
    System { name: "e-absensi", address_variable: "E_ABSENSI_URL", secret: "e-absensi-token" },
    System { name: "e-agenda", address_variable: "E_AGENDA_URL", secret: "e-agenda-token" },
];

/// An agency system that receives.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Its name, as in `connectors/`.
    pub(super) name: &'static str,
    /// Where its system file looks for its address.
    pub(super) address_variable: &'static str,
    /// The file under `secrets/` that holds its password.
    pub(super) secret: &'static str,
}

/// What a delivery turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The route that sent it, told by its content.
    pub(super) route: &'static str,
    /// `system.target`, told by where it was sent.
    pub(super) target: &'static str,
    /// The document, and what was checked of its content.
    pub(super) receipt: Receipt,
}

/// What a delivery to `system` is; `None` if it is nothing that the system takes.
pub(super) fn recognise(system: &str, method: &str, path: &str, body: &Value) -> Option<Arrival> {
    let arrival = |route, target, document: &Value, content: String| {
        let receipt = Receipt { document: text(document), content };
        let named = !receipt.document.is_empty();
        named.then_some(Arrival { route, target, receipt })
    };
    match (system, method, path) {
        ("bawaslu", "POST", "/api/salinan-hasil") => {
            let content = digest(&body["dokumen"]);
            arrival("hasil-tps", "bawaslu.salinan-hasil", &body["kode_tps"], content)
        }
        ("arsip", "POST", "/api/hasil-tps") => {
            let content = digest(&body["dokumen"]);
            arrival("hasil-tps", "arsip.simpan-hasil", &body["kode_tps"], content)
        }
        ("arsip", "POST", "/api/naskah") => letter(body),
        ("ppid", "POST", "/api/hasil") => {
            let content = candidates(&body["perolehan"]);
            arrival("hasil-tps", "ppid.umumkan-hasil", &body["kode_tps"], content)
        }
        ("tabulasi", "PUT", _) => {
            let station = path.strip_prefix("/api/tps/")?;
            let same = body["kode_tps"] == station;
            let content = candidates(&body["perolehan"]);
            arrival("hasil-tps", "tabulasi.hitung", &body["kode_tps"], content).filter(|_| same)
        }
        ("e-absensi", "POST", "/api/dinas-luar") => {
            let content = text(&body["selesai"]);
            let order = &body["referensi"]["nomor"];
            arrival("sppd-terbit", "e-absensi.catat-dinas-luar", order, content)
        }
        ("e-absensi", "POST", "/api/pindah-unit") => {
            let content = text(&body["unit"]["id"]);
            arrival("sk-mutasi", "e-absensi.pindah-unit", &body["dasar"], content)
        }
        ("e-agenda", "POST", "/api/agenda") => {
            arrival("sppd-terbit", "e-agenda.catat", &body["asal"]["id"], text(&body["tempat"]))
        }
        _ => None,
    }
}

/// The archive gets letters of two routes, and tells them by their classification.
fn letter(body: &Value) -> Option<Arrival> {
    let number = text(&body["nomor_naskah"]);
    let (route, receipt) = match body["klasifikasi"].as_str()? {
        "HR.01.2" => ("sppd-terbit", Receipt { document: text(&body["rujukan"]), content: number }),
        "HR.01.1" => {
            let content = text(&body["berkas"]["sha256"]);
            ("sk-mutasi", Receipt { document: number, content })
        }
        _ => return None,
    };
    let named = !receipt.document.is_empty();
    named.then_some(Arrival { route, target: "arsip.daftarkan-naskah", receipt })
}

/// Whether a delivery shows what its receiver must never see: a person's number or address.
pub(super) fn leaks(system: &str, body: &str) -> bool {
    // The archive keeps the decree's own number only; attendance knows people by pseudonym.
    const NOWHERE: [&str; 2] = ["0000004101000001", "Jalan Contoh"];
    const PERSONNEL_NUMBER: &str = "190001011920011";
    NOWHERE.iter().any(|it| body.contains(it))
        || (matches!(system, "e-absensi" | "e-agenda") && body.contains(PERSONNEL_NUMBER))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_belongs_to_the_station_in_its_address() {
        let body = json!({ "kode_tps": "0000001001001", "perolehan": { "100025": 3 } });
        let arrival = |path: &str| recognise("tabulasi", "PUT", path, &body);
        assert_eq!(arrival("/api/tps/0000001001001").unwrap().receipt.content, "3/null/null");
        assert_eq!(arrival("/api/tps/0000001001002"), None);
        assert_eq!(recognise("tabulasi", "POST", "/api/tps/0000001001001", &body), None);
    }

    #[test]
    fn a_letter_is_told_by_its_classification() {
        let of = |class: &str| {
            let body = json!({ "klasifikasi": class, "nomor_naskah": "1", "rujukan": "2" });
            recognise("arsip", "POST", "/api/naskah", &body).map(|it| (it.route, it.receipt))
        };
        assert_eq!(of("HR.01.1").unwrap().1.document, "1");
        assert_eq!(of("HR.01.2").unwrap().1.document, "2");
        assert_eq!(of("PL.01"), None);
    }

    #[test]
    fn attendance_must_not_see_a_personnel_number() {
        let body = r#"{"nip":"190001011920011001"}"#;
        assert!(leaks("e-absensi", body));
        assert!(!leaks("arsip", body));
        assert!(leaks("arsip", r#"{"nik":"0000004101000001"}"#));
    }
}
