//! What is loaded from a file that anybody may have written.
//!
//! The first byte of an input chooses a memory's options, and the rest is JSON.

use tower_follow_redirect::policy::permanent::Snapshot;

use crate::{
    memory::{Clock, ENTRIES, NOW, contents},
    taught::{Options, check_entry},
};

/// No record is shorter in JSON.
const SHORTEST: usize = 40;

/// Loads, and looks at what comes in, where that leads, and how it is written down again.
pub fn check(input: &[u8]) {
    let Some((&choice, json)) = input.split_first() else { return };
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(json) else { return };
    assert!(snapshot.len() * SHORTEST <= json.len(), "there are more records than can be");
    let (options, clock) = (Options::of(choice), Clock::at(NOW));
    let cache = options.set(clock.builder()).build();
    let held = snapshot.len();
    let added = cache.restore(snapshot);
    assert!(added <= held);
    let found = contents(&cache);
    assert!(found.len() <= added.min(ENTRIES), "{} of {added} were added", found.len());
    for kept in &found {
        check_entry(&cache, &options, kept);
    }
    // A full memory may choose what it keeps.
    if found.len() <= ENTRIES / 4 {
        let json = serde_json::to_vec(&cache.snapshot()).expect("it can be written");
        let again = options.set(clock.builder()).build();
        let snapshot = serde_json::from_slice(&json).expect("what was written can be read");
        assert_eq!(again.restore(snapshot), found.len());
        assert_eq!(contents(&again), found);
    }
}
