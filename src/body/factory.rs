//! A body that can be made again.

use std::{fmt, sync::Arc};

use crate::BoxError;

/// Makes the body of a request again, whenever it must be sent again: a request extension.
///
/// With it nothing is recorded, and content of any size can be redirected at any time, for example by
/// opening a file again. `B` must be the type of the request's body: a factory for another type is
/// not found.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use http_body_util::Full;
/// use tower_follow_redirect::BodyFactory;
///
/// let make = || Full::new(Bytes::from("ha ha\n"));
/// let mut request = Request::put("http://a.test/nelson.txt").body(make())?;
/// request.extensions_mut().insert(BodyFactory::new(make));
/// # Ok::<(), http::Error>(())
/// ```
pub struct BodyFactory<B> {
    make: Arc<dyn Fn() -> Result<B, BoxError> + Send + Sync>,
}

impl<B> BodyFactory<B> {
    /// Makes a factory from a closure that cannot fail.
    pub fn new<F>(make: F) -> Self
    where
        F: Fn() -> B + Send + Sync + 'static,
    {
        Self { make: Arc::new(move || Ok(make())) }
    }

    /// Makes a factory from a closure that can fail. Its error becomes the source of the
    /// [`Refusal`](crate::Refusal) of the redirect that needed the body.
    ///
    /// ```
    /// use std::{fs, io};
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use tower_follow_redirect::BodyFactory;
    ///
    /// let open = || io::Result::Ok(Full::<Bytes>::from(fs::read("nelson.txt")?));
    /// let factory = BodyFactory::fallible(open);
    /// ```
    pub fn fallible<F, E>(make: F) -> Self
    where
        F: Fn() -> Result<B, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self { make: Arc::new(move || make().map_err(Into::into)) }
    }

    pub(super) fn make(&self) -> Result<B, BoxError> {
        (self.make)()
    }
}

impl<B: 'static> BodyFactory<B> {
    /// Makes the factory of a body that is known to be read again as it is.
    pub(crate) fn of(body: &B) -> Option<Self> {
        #[cfg(feature = "fs")]
        if let Some(file) = (body as &dyn std::any::Any).downcast_ref::<super::FileBody>() {
            let file = file.rest();
            let factory = BodyFactory::new(move || file.clone());
            return (&factory as &dyn std::any::Any).downcast_ref::<Self>().cloned();
        }
        let _ = body;
        None
    }
}

impl<B> Clone for BodyFactory<B> {
    fn clone(&self) -> Self {
        Self { make: Arc::clone(&self.make) }
    }
}

impl<B> fmt::Debug for BodyFactory<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyFactory").finish_non_exhaustive()
    }
}
