//! The files of each generation are kept, to be shown and compared; what is secret is not.

use simpul::{
    message::Digest,
    store::{Options, Store},
};

use crate::support::{bus::Project, postgres::database, scripted::Scripted};

const ROUTE: &str = "to:\n  - target: arsip.terima\n";

fn project() -> Project {
    Project::of(ROUTE, &[("arsip", Scripted::new([]))])
}

async fn text(bus: &crate::support::bus::Bus, path: &str) -> String {
    let set = bus.engine.file_sets().await.unwrap().remove(0);
    let files = bus.engine.files_of(set.number).await.unwrap();
    let digest = files.iter().find(|it| it.path == path).unwrap().digest;
    bus.engine.file_text(digest).await.unwrap().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_files_is_kept_once_however_often_it_starts() {
    let bus = project().start().await;
    let sets = bus.engine.file_sets().await.unwrap();
    assert_eq!(sets.iter().map(|it| (it.number, it.last)).collect::<Vec<_>>(), [(1, 1)]);
    let (project, _) = bus.stop().await;

    let bus = project.start().await;
    let sets = bus.engine.file_sets().await.unwrap();
    assert_eq!(sets.iter().map(|it| (it.number, it.last)).collect::<Vec<_>>(), [(1, 2)]);

    bus.project().route("uji", &format!("steps:\n  - filter: $.a == 1\n{ROUTE}"));
    bus.reload().await;
    let sets = bus.engine.file_sets().await.unwrap();
    let told: Vec<_> = sets.iter().map(|it| (it.number, it.last)).collect();
    assert_eq!(told, [(3, 3), (1, 2)]);
    assert!(text(&bus, "routes/uji.yaml").await.contains("filter: $.a == 1"));
    let before = bus.engine.texts_of(1).await.unwrap();
    let before = before.iter().find(|(path, _)| path == "routes/uji.yaml").unwrap();
    assert!(!before.1.contains("filter"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_twenty_sets_are_kept_and_no_text_that_none_of_them_has() {
    let bus = project().start().await;
    let first = Digest::of(&[text(&bus, "routes/uji.yaml").await.as_bytes()]);
    for number in 0..25 {
        bus.project().route("uji", &format!("steps:\n  - filter: $.a == {number}\n{ROUTE}"));
        bus.reload().await;
    }
    let sets = bus.engine.file_sets().await.unwrap();
    assert_eq!((sets.len(), sets[0].number, sets[19].number), (20, 26, 7));
    assert_eq!(bus.engine.file_text(first).await.unwrap(), None);
    assert_eq!(bus.engine.files_of(6).await.unwrap(), []);
    // What did not change is in all of them, and stays.
    assert!(text(&bus, "connectors/arsip.yaml").await.contains("system: arsip"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_stands_in_a_file_is_starred_in_what_is_kept() {
    let project = project();
    let system = "system: arsip\nname: Arsip\nhttp:\n  url: http://127.0.0.1:9\n  \
                  auth: { bearer: rahasia-sekali-4711 }\n  targets:\n    terima: { post: /terima }\n";
    project.write("connectors/arsip.yaml", system);
    let bus = project.start().await;
    let kept = text(&bus, "connectors/arsip.yaml").await;
    assert!(!kept.contains("4711"), "{kept}");
    assert!(kept.contains("bearer: ***"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_share_a_store_keep_them_together() {
    let Some(address) = database().await else { return };
    let connect = async || Store::connect(&address, Options::default()).await.unwrap();
    let one = project().start_sharing(connect().await).await;
    // The same files: the set goes on.
    let two = project().start_sharing(connect().await).await;
    let sets = two.engine.file_sets().await.unwrap();
    assert_eq!(sets.iter().map(|it| (it.number, it.last)).collect::<Vec<_>>(), [(1, 2)]);

    two.project().route("uji", &format!("steps:\n  - filter: $.a == 1\n{ROUTE}"));
    two.reload().await;
    let sets = one.engine.file_sets().await.unwrap();
    let told: Vec<_> = sets.iter().map(|it| (it.number, it.last)).collect();
    assert_eq!(told, [(3, 3), (1, 2)]);
    assert!(text(&one, "routes/uji.yaml").await.contains("filter: $.a == 1"));
}
