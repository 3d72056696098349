//! `simpul.yaml` and the `SIMPUL_…` variables.

use std::time::Duration;

use super::{broken, load, snapshot, sound, write};

#[test]
fn without_a_file_everything_is_as_usual() {
    let folder = sound();
    for text in [None, Some(""), Some("# nothing\n")] {
        if let Some(text) = text {
            write(&folder, "simpul.yaml", text);
        }
        let (settings, _) = load(folder.path(), &[]).map_err(|it| it.to_string()).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.ops.to_string(), "127.0.0.1:9464");
        assert_eq!(settings.store, folder.path().join("data"));
        assert_eq!((settings.body_bytes_max, settings.depth_max), (1 << 20, 64));
        assert_eq!((settings.rate_per_second, settings.prefetch), (200, 500));
        assert_eq!(settings.retry["standard"].first, Duration::from_secs(5));
    }
}

#[test]
fn a_variable_has_the_last_word() {
    let folder = sound();
    write(
        &folder,
        "simpul.yaml",
        "listen: 127.0.0.1:81\nops: 127.0.0.1:82\nlimits: { body: 2MiB, rate: 5/s }\n\
         retry: { standard: { first: 1s, max: 2s } }\nhash_key: 0123456789abcdef\n",
    );
    let variables = [
        ("SIMPUL_LISTEN", "127.0.0.1:91"),
        ("SIMPUL_STORE", "/var/lib/simpul"),
        ("SIMPUL_LIMITS_BODY", "3MiB"),
        ("SIMPUL_LIMITS_DEPTH", "32"),
        ("SIMPUL_RETRY_STANDARD_GIVE_UP", "1h"),
        ("SIMPUL_HASH_KEY", "fedcba9876543210"),
        ("SIMPUL_LOG", "simpul=debug"),
    ];
    let (settings, _) = load(folder.path(), &variables).map_err(|it| it.to_string()).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:91");
    assert_eq!(settings.ops.to_string(), "127.0.0.1:82");
    assert_eq!(settings.store.to_str(), Some("/var/lib/simpul"));
    assert_eq!((settings.body_bytes_max, settings.depth_max), (3 << 20, 32));
    assert_eq!(settings.rate_per_second, 5);
    let standard = settings.retry["standard"];
    assert_eq!(standard.first, Duration::from_secs(1));
    assert_eq!(standard.max, Duration::from_secs(2));
    assert_eq!(standard.give_up, Duration::from_hours(1));
    assert_eq!(settings.hash_key.unwrap().reveal(), "fedcba9876543210");
    assert_eq!(settings.log.as_deref(), Some("simpul=debug"));
}

#[test]
fn mistakes_in_the_settings_are_told() {
    let folder = sound();
    write(
        &folder,
        "simpul.yaml",
        "listen: localhost:8080\nops: 127.0.0.1\nbroker: amqp://tamu:tamu@mq.kpu.example\n\
         store: postgres://db/simpul\nlimits: { body: 1GiB, depht: 3, prefetch: 0, rate: 12000/m }\n\
         retry: { cepat: { first: 1s, factor: 0 } }\nhash_key: pendek\nbrokr: embedded\n",
    );
    snapshot("settings_file", &broken(&folder, &[]).to_string());
}

#[test]
fn mistakes_in_variables_name_the_variable() {
    let folder = sound();
    let variables = [
        ("SIMPUL_LISTEN", "8080"),
        ("SIMPUL_LIMITS_BODY", "1MB"),
        ("SIMPUL_BROKER", "rabbit"),
        ("SIMPUL_RETRY_STANDARD_FACTOR", "dua"),
        ("SIMPUL_LISTN", "127.0.0.1:80"),
        ("SIMPUL_SOMETHING_ELSE", "x"),
    ];
    snapshot("settings_variables", &broken(&folder, &variables).to_string());
}

#[test]
fn a_store_in_postgresql_is_for_gateways_that_share_a_rabbitmq() {
    let folder = sound();
    let variables = [("KATA_SANDI", "rahasia")];
    let store = "store: postgres://simpul:${env:KATA_SANDI}@db.kpu.example/simpul\n";
    write(&folder, "simpul.yaml", store);
    let told = broken(&folder, &variables).to_string();
    snapshot("settings_store_postgres", &told);
    for wrong in ["postgres://db/simpul", "mysql://simpul:rahasia@db/simpul"] {
        let told = broken(&folder, &[("SIMPUL_STORE", wrong)]).to_string();
        assert!(told.contains("SIMPUL_STORE") && !told.contains("rahasia"), "{told}");
    }
}

#[test]
fn both_listeners_need_ports_of_their_own() {
    let folder = sound();
    write(&folder, "simpul.yaml", "listen: 127.0.0.1:9464\n");
    snapshot("settings_same_port", &broken(&folder, &[]).to_string());
}

#[test]
fn a_broker_off_this_machine_is_to_be_encrypted_and_its_authority_is_a_certificate() {
    let folder = sound();
    let pem = "-----BEGIN CERTIFICATE-----\nxxxx\n-----END CERTIFICATE-----\n";
    write(&folder, "ca.pem", pem);
    let file = folder.path().join("ca.pem");
    let text = format!("broker: amqps://mq.kpu.example\nbroker_ca: ${{file:{}}}\n", file.display());
    write(&folder, "simpul.yaml", &text);
    let (settings, loaded) = load(folder.path(), &[]).map_err(|it| it.to_string()).unwrap();
    assert_eq!(settings.broker_ca.as_deref(), Some(pem.trim_end()));
    assert!(loaded.found.is_empty());

    let (settings, loaded) = load(folder.path(), &[("SIMPUL_BROKER", "amqp://mq.kpu.example")])
        .map_err(|it| it.to_string())
        .unwrap();
    assert!(settings.rabbitmq.is_some());
    assert!(
        loaded
            .texts
            .render(&loaded.found, simpul::diagnostic::Language::English)
            .contains("password and messages travel unencrypted")
    );

    let wrong = load(folder.path(), &[("SIMPUL_BROKER_CA", "ca.pem")]).err().unwrap().to_string();
    assert!(wrong.contains("no certificate in it"), "{wrong}");
}
