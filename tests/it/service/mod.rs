//! What Tower asks of a service and its future, and what the layer promises to its callers.

mod contract;
mod extensions;
mod memory;
mod refusals;
mod strict;
mod verdicts;
