//! Bytes that a remembered redirect takes, all in all, with source and target of 60 bytes.

use crate::{Kind, Scale, allocator, urls};

/// What the library's store counts for an entry besides its key and [`Entry::size`].
///
/// [`Entry::size`]: tower_follow_redirect::policy::permanent::Entry::size
const OVERHEAD: usize = 120;

/// Measures all stores, prints them, and says where ours takes more than it counts: then its bound would
/// be none.
pub fn measure(scale: Scale) -> Vec<String> {
    let sizes = match scale {
        Scale::Full => &[1000, 100_000][..],
        Scale::Smoke => &[1000],
    };
    let counted = OVERHEAD + urls::LENGTH + urls::entry(0).size();
    println!(
        "bytes per entry, with URLs of {} bytes and all that an empty store takes",
        urls::LENGTH
    );
    println!("{:>17} {:>9} {:>9}", "", "1 k", "100 k");
    let mut complaints = Vec::new();
    for kind in Kind::ALL {
        print!("{:>17}", kind.name());
        for &entries in sizes {
            let before = allocator::bytes();
            let store = kind.filled(entries);
            let each = (allocator::bytes() - before) as f64 / entries as f64;
            drop(store);
            print!(" {each:>9.0}");
            if kind == Kind::Ours && each > counted as f64 {
                complaints.push(format!(
                    "{entries} entries: {each:.0} bytes each, but {counted} are counted"
                ));
            }
        }
        println!();
    }
    println!("{:>17} {counted:>9} {counted:>9}\n", "as ours counts");
    complaints
}
