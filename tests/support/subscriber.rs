//! A subscriber that keeps everything it gets, and whose session the broker keeps while either is away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, Publish, QoS};
use serde_json::Value;

pub struct Subscriber {
    got: Arc<Mutex<Vec<(Instant, Publish)>>>,
    subscribed: Arc<AtomicBool>,
    acked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    client: AsyncClient,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Subscribes to `filter` with QoS 1 under the persistent client id `id`; back when the broker agreed.
    pub fn start(port: u16, id: &str, filter: &str) -> Subscriber {
        Subscriber::start_as(port, id, filter, None)
    }

    /// The same with a user name and a password.
    pub fn start_as(port: u16, id: &str, filter: &str, login: Option<(&str, &str)>) -> Subscriber {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        options.set_clean_session(false).set_max_packet_size(1 << 22, 1 << 22).set_inflight(1_000);
        let (client, mut eventloop) = AsyncClient::new(options, 100);
        let got: Arc<Mutex<Vec<_>>> = Arc::default();
        let (subscribed, stop): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        let acked = Arc::<AtomicUsize>::default();
        client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
        let thread = {
            let (got, subscribed, stop) = (got.clone(), subscribed.clone(), stop.clone());
            let acked = acked.clone();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let filter = filter.to_string();
            let client = client.clone();
            let turn = async move {
                while !stop.load(Ordering::SeqCst) {
                    let patience = Duration::from_millis(50);
                    match tokio::time::timeout(patience, eventloop.poll()).await {
                        Ok(Ok(Event::Incoming(Incoming::Publish(publish)))) => {
                            got.lock().unwrap().push((Instant::now(), publish));
                        }
                        Ok(Ok(Event::Incoming(Incoming::SubAck(_)))) => {
                            subscribed.store(true, Ordering::SeqCst)
                        }
                        Ok(Ok(Event::Incoming(Incoming::PubAck(_)))) => {
                            acked.fetch_add(1, Ordering::SeqCst);
                        }
                        // A broker that forgot the session has to be asked again.
                        Ok(Ok(Event::Incoming(Incoming::ConnAck(ack)))) if !ack.session_present => {
                            let _ = client.try_subscribe(&filter, QoS::AtLeastOnce);
                        }
                        Ok(Err(_)) => tokio::time::sleep(patience).await,
                        _ => {}
                    }
                }
            };
            std::thread::Builder::new()
                .name("subscriber".into())
                .spawn(move || runtime.block_on(turn))
                .unwrap()
        };
        super::wait_until("the subscription", || subscribed.load(Ordering::SeqCst));
        Subscriber { got, subscribed, acked, stop, client, thread: Some(thread) }
    }

    /// Publishes `payload` with QoS 1.
    pub fn publish(&self, topic: &str, retain: bool, payload: impl Into<Vec<u8>>) {
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    }

    /// How many of the messages that were published the broker has acknowledged.
    pub fn acked(&self) -> usize {
        self.acked.load(Ordering::SeqCst)
    }

    /// Everything so far whose topic ends with `suffix`.
    pub fn on(&self, suffix: &str) -> Vec<Publish> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, publish)| publish).filter(|p| p.topic.ends_with(suffix)).cloned().collect()
    }

    /// The same as JSON (`Null` for empty payloads).
    pub fn json(&self, suffix: &str) -> Vec<Value> {
        self.on(suffix).iter().map(|p| serde_json::from_slice(&p.payload).unwrap_or(Value::Null)).collect()
    }

    /// Waits until something on a topic with `suffix` satisfies `wanted`, and returns it.
    pub fn wait_for(&self, suffix: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        super::wait_until(&format!("a message on {suffix}"), || {
            found = self.json(suffix).into_iter().find(|value| wanted(value));
            found.is_some()
        });
        found.unwrap()
    }

    /// How many messages arrived.
    pub fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// Arrival times, in order.
    pub fn times(&self, suffix: &str) -> Vec<Instant> {
        let got = self.got.lock().unwrap();
        got.iter().filter(|(_, p)| p.topic.ends_with(suffix)).map(|(at, _)| *at).collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
