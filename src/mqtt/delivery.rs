//! Single messages on any topic, such as commands to instruments: sent once, confirmed, and never again after a loss
//! of the connection, because a command that comes minutes later does harm.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Mqtt;
use super::link::Link;
use super::message::{AnswerOut, AnswerPart};
use crate::types::Delivered;

/// Where the end of a message is reported, once.
#[derive(Clone, Debug)]
pub(super) struct Receipt(Arc<Mutex<Option<oneshot::Sender<Delivered>>>>);

impl PartialEq for Receipt {
    fn eq(&self, other: &Receipt) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Receipt {
    fn new(sender: oneshot::Sender<Delivered>) -> Receipt {
        Receipt(Arc::new(Mutex::new(Some(sender))))
    }

    /// Whether nobody waits for it any more: then the message is not sent.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.0.lock().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(super) fn end(&self, how: Delivered) {
        if let Some(sender) = self.0.lock().take() {
            // The receiver may have given up meanwhile.
            let _ = sender.send(how);
        }
    }
}

impl Mqtt {
    /// Publishes `payload` on the whole topic `topic`, QoS 1, if a broker is connected now. The receiver learns its
    /// end; dropping it takes a message back that was not sent yet.
    pub fn deliver(&self, topic: &str, payload: &[u8], retain: bool) -> oneshot::Receiver<Delivered> {
        let (sender, receiver) = oneshot::channel();
        let receipt = Receipt::new(sender);
        if self.link() != Link::Up {
            receipt.end(Delivered::NotConnected);
            return receiver;
        }
        self.shared.answer(AnswerOut {
            topic: topic.to_owned(),
            payload: payload.to_vec().into(),
            retain,
            part: AnswerPart::Single(receipt),
            number: 0,
        });
        receiver
    }
}
