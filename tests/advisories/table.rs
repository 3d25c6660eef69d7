//! The table in `SECURITY.md`, beside the list of advisories and the tests that there are.

use std::{collections::HashSet, fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the advisories of the list.
fn listed() -> Vec<String> {
    let list = read("tests/advisories/list.txt");
    list.lines().filter(|line| !line.starts_with('#')).map(String::from).collect()
}

/// Returns the rows of a table, cell by cell, whose head begins with these words.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let table = page.split_once(head).unwrap_or_else(|| panic!("there is no `{head}`")).1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().into()).collect())
        .collect()
}

/// Returns the names of all tests.
fn tests() -> HashSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/advisories");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let mut tests = HashSet::new();
    for source in sources.map(|path| fs::read_to_string(path).unwrap()) {
        for after in source.split("#[tokio::test]\n").skip(1) {
            let name = after.trim_start_matches("async ").strip_prefix("fn ").unwrap_or_default();
            tests.insert(name.split('(').next().unwrap_or_default().to_owned());
        }
    }
    tests
}

#[test]
fn every_advisory_has_a_test_or_a_reason() {
    let page = read("SECURITY.md");
    let ours = rows(&page, "| advisory | class | our behaviour | test |");
    let not_ours = rows(&page, "### Not ours\n\n| advisory | class | reason |");
    for advisory in listed() {
        let is_it = |row: &&Vec<String>| row[0].split(" (").next() == Some(&*advisory);
        let count = ours.iter().chain(&not_ours).filter(is_it).count();
        assert_eq!(count, 1, "{advisory} is in {count} rows of SECURITY.md");
    }
    assert_eq!(ours.len() + not_ours.len(), listed().len(), "there are rows of no listed advisory");
    for row in ours.iter().chain(&not_ours) {
        assert!(row.iter().all(|cell| cell.len() > 3 && cell != "n/a"), "{row:?}");
    }
}

#[test]
fn every_test_of_the_table_is_there() {
    let tests = tests();
    for row in rows(&read("SECURITY.md"), "| advisory | class | our behaviour | test |") {
        for name in row[3].split(", ").map(|name| name.trim_matches('`')) {
            assert!(tests.contains(name), "{}: there is no test {name}", row[0]);
        }
    }
}
