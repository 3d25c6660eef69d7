//! `s3.json`: the redirects of Amazon S3, over HTTP/1, with a signer inside where a vector has one.

mod check;
mod client;
mod server;
mod signer;
mod vectors;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tower_follow_redirect::policy::s3::S3Endpoint;

use self::vectors::{Fields, Host, Redirect};
use crate::{
    vector::{self, Verdict},
    words::Differences,
};

/// How long a vector may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A vector of one of the three lists.
pub enum Vector {
    Host(Host),
    Redirect(Box<Redirect>),
    Fields(Fields),
}

impl vector::Vector for Vector {
    const LISTS: &'static [&'static str] = &["hosts", "redirects", "headers"];

    fn read(list: &str, value: &Value) -> serde_json::Result<Self> {
        match list {
            "hosts" => Host::deserialize(value).map(Self::Host),
            "redirects" => Redirect::deserialize(value).map(Box::new).map(Self::Redirect),
            _ => Fields::deserialize(value).map(Self::Fields),
        }
    }

    fn class(&self) -> &str {
        match self {
            Self::Host(_) => "hosts",
            Self::Redirect(_) => "redirects",
            Self::Fields(_) => "headers",
        }
    }

    fn is_open(&self) -> bool {
        false
    }

    async fn judge(&self) -> Verdict {
        let judged = async {
            match self {
                Self::Host(host) => Ok(differences(host)),
                Self::Redirect(vector) => check::redirect(vector).await,
                Self::Fields(vector) => check::fields(vector).await,
            }
        };
        match tokio::time::timeout(TIMEOUT, judged).await {
            Ok(Ok(differ)) => differ.text().map_or(Verdict::Passed, Verdict::Deviates),
            Ok(Err(why)) => Verdict::Breaks(why),
            Err(_) => Verdict::Breaks(format!("it takes more than {TIMEOUT:?}")),
        }
    }
}

fn differences(expect: &Host) -> Differences {
    let mut differ = Differences::default();
    let found = S3Endpoint::parse(&expect.host);
    let found = found.as_ref();
    differ.equal("s3", Some(expect.s3), found.is_some());
    differ.equal("family", Some(expect.family.as_deref()), found.map(|f| f.family().as_str()));
    differ.equal("bucket", Some(expect.bucket.as_deref()), found.and_then(S3Endpoint::bucket));
    differ.equal("region", Some(expect.region.as_deref()), found.and_then(S3Endpoint::region));
    let partition = found.map(|found| found.partition().as_str());
    differ.equal("partition", Some(expect.partition.as_deref()), partition);
    let followable = found.is_some_and(S3Endpoint::is_followable);
    differ.equal("auto_follow", Some(expect.auto_follow), followable);
    differ
}
