//! The live view: MJPEG as browsers show it in an `<img>`. All viewers share the pictures; slow viewers get
//! fewer of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use tokio_stream::Stream;

use super::answer::mime;
use super::api::views::StreamPlace;
use crate::types::{Picture, Watch};

/// Ends a part and begins the next: a browser shows a picture when it sees the line after it.
const BOUNDARY: &[u8] = b"\r\n--picture\r\n";

type WaitingPicture = Pin<Box<dyn Future<Output = (Watch, Option<Picture>)> + Send>>;

/// The stream of one viewer. It takes the next picture only when the one before has been sent.
struct LiveStream {
    watch: Option<Watch>,
    waiting: Option<WaitingPicture>,
    parts: VecDeque<Bytes>,
    place: StreamPlace,
}

/// The response with pictures of `watch`, for as long as the client takes them.
pub(super) fn response(watch: Watch, place: StreamPlace) -> Response {
    let parts = VecDeque::from([Bytes::from_static(&BOUNDARY[2..])]);
    let live = LiveStream { watch: Some(watch), waiting: None, parts, place };
    let mut response = Response::new(Body::from_stream(live));
    let content_type = HeaderValue::from_static(mime::MJPEG);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

impl LiveStream {
    fn take(&mut self, picture: Picture) {
        self.place.shared.totals.pictures_sent.inc();
        let head = format!(
            "content-type: image/jpeg\r\ncontent-length: {}\r\nx-frame: {}\r\n\r\n",
            picture.jpeg.len(),
            picture.frame_seq
        );
        self.parts.extend([head.into(), picture.jpeg, Bytes::from_static(BOUNDARY)]);
    }
}

impl Stream for LiveStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Poll::Ready(Some(Ok(part)));
            }
            if let Some(mut watch) = self.watch.take() {
                self.waiting = Some(Box::pin(async move {
                    let picture = watch.next().await;
                    (watch, picture)
                }));
            }
            let Some(waiting) = &mut self.waiting else { return Poll::Ready(None) };
            let Poll::Ready((watch, picture)) = waiting.as_mut().poll(context) else { return Poll::Pending };
            self.waiting = None;
            match picture {
                Some(picture) => {
                    self.watch = Some(watch);
                    self.take(picture);
                }
                None => return Poll::Ready(None),
            }
        }
    }
}
