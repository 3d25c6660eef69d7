//! `-w`: a format, and what it prints.

use std::str::FromStr;

use crate::report::Report;

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    HttpCode,
    UrlEffective,
    NumRedirects,
    NumConnects,
    SizeUpload,
    TimeTotal,
    RedirectUrl,
    StopReason,
}

const VARIABLES: [(&str, Variable); 8] = [
    ("http_code", Variable::HttpCode),
    ("url_effective", Variable::UrlEffective),
    ("num_redirects", Variable::NumRedirects),
    ("num_connects", Variable::NumConnects),
    ("size_upload", Variable::SizeUpload),
    ("time_total", Variable::TimeTotal),
    ("redirect_url", Variable::RedirectUrl),
    ("stop_reason", Variable::StopReason),
];

impl Template {
    pub(crate) fn render(&self, report: &Report) -> String {
        self.0.iter().map(|part| part.render(report)).collect()
    }
}

impl Part {
    fn render(&self, report: &Report) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Variable(variable) => variable.render(report),
        }
    }
}

impl Variable {
    fn render(self, report: &Report) -> String {
        match self {
            Self::HttpCode => format!("{:03}", report.status.map_or(0, |status| status.as_u16())),
            Self::UrlEffective => report.url.clone(),
            Self::NumRedirects => report.redirects.to_string(),
            Self::NumConnects => report.connects.to_string(),
            Self::SizeUpload => report.uploaded().to_string(),
            Self::TimeTotal => format!("{:.6}", report.elapsed.as_secs_f64()),
            Self::RedirectUrl => report.redirect_url.clone().unwrap_or_default(),
            Self::StopReason => report.stop_reason.unwrap_or_default().into(),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(format: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            let (text, special) = rest.split_at(at);
            parts.push(Part::Text(text.into()));
            let (part, length) = special_part(special)?;
            parts.push(part);
            rest = &special[length..];
        }
        parts.push(Part::Text(rest.into()));
        Ok(Self(parts))
    }
}

/// Reads what begins with `%` or `\`, and returns how long it is.
fn special_part(special: &str) -> Result<(Part, usize), String> {
    let escapes = [("%%", "%"), ("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t")];
    if let Some((escape, text)) = escapes.iter().find(|(escape, _)| special.starts_with(escape)) {
        return Ok((Part::Text((*text).into()), escape.len()));
    }
    let Some(inside) = special.strip_prefix("%{") else {
        return Ok((Part::Text(special[..1].into()), 1));
    };
    let (name, _) = inside.split_once('}').ok_or("a `%{` has no `}`")?;
    let known = VARIABLES.iter().find(|(known, _)| *known == name);
    let (name, variable) = known.ok_or_else(|| {
        let known = VARIABLES.map(|(name, _)| name).join(", ");
        format!("there is no variable `{name}`, only {known}")
    })?;
    Ok((Part::Variable(*variable), name.len() + "%{}".len()))
}
