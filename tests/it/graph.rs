//! `simpul graph`: what the shipped systems and routes look like, and that no box hides another.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::command_line::{Said, simpul_on};

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(
        "connectors/e-sppd.yaml",
        "system: e-sppd\nname: Perjalanan \"dinas\" <uji>\nhttp:\n  sources:\n    status: {}\n",
    );
    put(
        "connectors/arsip.yaml",
        "system: arsip\nhttp:\n  url: ${env:ARSIP_URL}\n  targets:\n    simpan: { post: /a }\n    hapus: { post: /b }\n",
    );
    put(
        "routes/sppd-terbit.yaml",
        "route: sppd-terbit\nsummary: Surat tugas masuk arsip.\nfrom: e-sppd.status\nto:\n  - target: arsip.simpan\n  - target: arsip.hapus\n    when: $.batal\n    each: $.x[*]\n",
    );
    put("routes/lain.yaml", "route: lain\nfrom: e-sppd.status\nto:\n  - target: tiada.apa\n");
    folder
}

fn graph(project: &Path, arguments: &[&str]) -> Said {
    let said = simpul_on(project, &[&["graph"], arguments].concat());
    assert_eq!(said.err, "");
    said
}

#[test]
fn systems_and_routes_are_drawn_without_variables_and_past_mistakes() {
    let folder = project();
    insta::assert_snapshot!(graph(folder.path(), &[]).out, @r#"
    flowchart LR
      s_arsip["arsip"]
      s_e_sppd["Perjalanan #quot;dinas#quot; <uji><br/>e-sppd"]
      s_tiada["tiada"]
      r_lain(["lain"])
      r_sppd_terbit(["sppd-terbit"])
      s_e_sppd -->|"status"| r_lain
      r_lain -->|"apa"| s_tiada
      s_e_sppd -->|"status"| r_sppd_terbit
      r_sppd_terbit -->|"simpan"| s_arsip
      r_sppd_terbit -.->|"hapus ×n"| s_arsip
    "#);
    insta::assert_snapshot!(graph(folder.path(), &["--format", "dot", "--route", "sppd-terbit"]).out, @r#"
    digraph simpul {
      rankdir=LR;
      node [fontname="sans-serif"];
      "system arsip" [shape=box, label="arsip"];
      "system e-sppd" [shape=box, label="Perjalanan \"dinas\" <uji> (e-sppd)"];
      "route sppd-terbit" [shape=box, style=rounded, label="sppd-terbit"];
      "system e-sppd" -> "route sppd-terbit" [label="status"];
      "route sppd-terbit" -> "system arsip" [label="simpan"];
      "route sppd-terbit" -> "system arsip" [label="hapus ×n", style=dashed];
    }
    "#);
}

#[test]
fn a_name_that_is_none_is_refused() {
    let folder = project();
    let said = simpul_on(folder.path(), &["graph", "--route", "tiada"]);
    assert_eq!((said.code, said.err.trim()), (2, "error: there is no route `tiada`"));
}

/// The number behind `name="` in a tag.
fn number(tag: &str, name: &str) -> f64 {
    let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn no_box_of_the_svg_overlaps_another_or_leaves_the_drawing() {
    // The shipped routes: enough of them for a drawing that is not trivial.
    let said = graph(Path::new("."), &["--format", "svg"]);
    let root = said.out.lines().next().unwrap();
    let (width, height) = (number(root, "width"), number(root, "height"));
    let boxes: Vec<[f64; 4]> = said
        .out
        .lines()
        .filter(|it| it.starts_with("<rect class="))
        .map(|it| ["x", "y", "width", "height"].map(|name| number(it, name)))
        .collect();
    assert!(10 < boxes.len());
    for (index, [x, y, w, h]) in boxes.iter().enumerate() {
        assert!(0.0 <= *x && 0.0 <= *y && x + w <= width && y + h <= height);
        for [left, top, wide, high] in &boxes[index + 1..] {
            let apart = x + w <= *left || left + wide <= *x || y + h <= *top || top + high <= *y;
            assert!(apart, "{x} {y} and {left} {top}");
        }
    }
    let routes = fs::read_dir("routes").unwrap().filter(|it| {
        let name = it.as_ref().unwrap().file_name().into_string().unwrap();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    });
    assert_eq!(said.out.matches("class=\"route\"").count(), routes.count());
}
