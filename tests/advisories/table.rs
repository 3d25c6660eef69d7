//! The table in `SECURITY.md`, beside the list of advisories and the tests that there are.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

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

/// Returns the Rust files in a folder, and in those inside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources
}

/// Returns the names of all tests in a folder, and how many have each.
fn tests(folder: &str) -> HashMap<String, usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut tests = HashMap::new();
    for source in sources(&folder).iter().map(|path| fs::read_to_string(path).unwrap()) {
        let mut is_test = false;
        for line in source.lines().map(str::trim) {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            match name.and_then(|name| name.split('(').next()) {
                Some(name) if is_test => *tests.entry(name.to_owned()).or_default() += 1,
                _ => {}
            }
            is_test = line.starts_with("#[test]")
                || line.starts_with("#[tokio::test")
                || is_test && line.starts_with("#[");
        }
    }
    tests
}

/// Returns the names in a cell.
fn names(cell: &str) -> Vec<&str> {
    cell.split(", ").map(|name| name.trim_matches('`')).collect()
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
fn the_tables_name_each_test_of_an_advisory_and_no_other() {
    let tests = tests("tests/advisories");
    let rows = rows(&read("SECURITY.md"), "| advisory | class | our behaviour | test |");
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for name in names(&row[3]) {
            assert_eq!(tests.get(name), Some(&1), "{}: of {name} there is not one test", row[0]);
        }
    }
    let named: Vec<_> = rows.iter().flat_map(|row| names(&row[3])).collect();
    let is_of_an_advisory = |test: &&String| {
        let ids = ["cve_", "ghsa_", "rustsec_", "superagent_", "rest_client_", "undici_", "ureq_"];
        ids.iter().any(|id| test.starts_with(id))
    };
    for test in tests.keys().filter(is_of_an_advisory) {
        assert!(named.contains(&&**test), "no row names {test}");
    }
}

/// A test is about the advisory in whose row it is: its name begins with the id, or has it.
#[test]
fn a_test_has_the_id_of_its_row_in_its_name() {
    for row in rows(&read("SECURITY.md"), "| advisory | class | our behaviour | test |") {
        let id = row[0].split(" (").next().unwrap_or_default().to_lowercase();
        let id = id.replace(['-', ' '], "_").replace('#', "");
        assert!(names(&row[3]).iter().all(|name| name.contains(&id)), "{row:?}");
    }
}

#[test]
fn every_test_of_the_other_tables_is_there() {
    let page = read("SECURITY.md");
    let [advisories, it, unit] = ["tests/advisories", "tests/it", "src"].map(tests);
    let rows = rows(&page, "| attack | rule | test |");
    assert!(!rows.is_empty());
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        for name in names(&row[2]) {
            let count: usize =
                [&advisories, &it, &unit].iter().filter_map(|tests| tests.get(name)).sum();
            assert!(count > 0, "{}: there is no test {name}", row[0]);
        }
    }
}
