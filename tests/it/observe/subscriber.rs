//! A subscriber that writes down all that it is told.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};

/// The fields of a span or an event, by name.
pub type Fields = BTreeMap<String, String>;

/// What was written down.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub spans: Vec<Noted>,
    pub events: Vec<Noted>,
}

/// A span or an event.
#[derive(Clone, Debug)]
pub struct Noted {
    pub target: &'static str,
    pub name: &'static str,
    pub level: Level,
    pub parent: Option<u64>,
    pub id: u64,
    pub fields: Fields,
    /// Whether it is a span that has ended.
    pub closed: bool,
}

impl Log {
    /// The spans of our layer.
    pub fn calls(&self) -> Vec<&Noted> {
        self.spans.iter().filter(|span| span.is_ours()).collect()
    }

    /// The events of our layer.
    pub fn hops(&self) -> Vec<&Noted> {
        self.events.iter().filter(|event| event.is_ours()).collect()
    }
}

impl Noted {
    pub fn is_ours(&self) -> bool {
        self.target.starts_with("tower_follow_redirect")
    }

    /// The value of a field, or nothing.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value)
    }
}

/// Writes down what is told on this thread, until it is dropped.
pub struct Recorder {
    log: Arc<Mutex<Log>>,
    _guard: DefaultGuard,
}

impl Recorder {
    /// Listens up to `level`.
    pub fn up_to(level: Level) -> Self {
        let log = Arc::default();
        let subscriber = Writer {
            level,
            log: Arc::clone(&log),
            ids: AtomicU64::new(1),
            handles: Mutex::default(),
        };
        Self { log, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

struct Writer {
    level: Level,
    log: Arc<Mutex<Log>>,
    ids: AtomicU64,
    /// How many handles each span has.
    handles: Mutex<BTreeMap<u64, usize>>,
}

thread_local! {
    /// The spans that are entered on this thread.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Writer {
    fn note(
        &self,
        metadata: &'static Metadata<'static>,
        parent: Option<u64>,
        fields: Fields,
    ) -> Noted {
        Noted {
            target: metadata.target(),
            name: metadata.name(),
            level: *metadata.level(),
            parent,
            id: self.ids.fetch_add(1, Ordering::SeqCst),
            fields,
            closed: false,
        }
    }
}

/// The span that is entered last.
fn current() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let parent = if span.is_contextual() { current() } else { span.parent().map(Id::into_u64) };
        let mut fields = Fields::new();
        span.record(&mut Text(&mut fields));
        let noted = self.note(span.metadata(), parent, fields);
        let id = noted.id;
        self.log.lock().unwrap().spans.push(noted);
        self.handles.lock().unwrap().insert(id, 1);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, record: &Record<'_>) {
        let mut log = self.log.lock().unwrap();
        let span = log.spans.iter_mut().find(|span| span.id == id.into_u64()).unwrap();
        record.record(&mut Text(&mut span.fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let parent =
            if event.is_contextual() { current() } else { event.parent().map(Id::into_u64) };
        let mut fields = Fields::new();
        event.record(&mut Text(&mut fields));
        let noted = self.note(event.metadata(), parent, fields);
        self.log.lock().unwrap().events.push(noted);
    }

    fn enter(&self, id: &Id) {
        let is_open = |span: &Noted| span.id == id.into_u64() && !span.closed;
        assert!(self.log.lock().unwrap().spans.iter().any(is_open), "an open span is entered");
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            assert_eq!(entered.pop(), Some(id.into_u64()), "the last is left first");
        });
    }

    fn clone_span(&self, id: &Id) -> Id {
        *self.handles.lock().unwrap().get_mut(&id.into_u64()).unwrap() += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut handles = self.handles.lock().unwrap();
        let left = handles.get_mut(&id.into_u64()).unwrap();
        *left -= 1;
        if *left == 0 {
            let mut log = self.log.lock().unwrap();
            log.spans.iter_mut().find(|span| span.id == id.into_u64()).unwrap().closed = true;
        }
        *left == 0
    }
}

/// Writes fields as text.
struct Text<'a>(&'a mut Fields);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}
