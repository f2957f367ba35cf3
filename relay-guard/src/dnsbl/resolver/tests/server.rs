//! A server that answers as a test says, over UDP and TCP at the same port of the loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Udp,
    Tcp,
}

/// What is sent back for the so-manieth question: any number of messages, as they are on the wire.
pub type Script = fn(&Message, Way, usize) -> Vec<Vec<u8>>;

/// What becomes of a TCP connection after its first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Streams {
    /// As servers do that are short of them.
    Closed,
    Forgotten,
}

/// It ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<(Way, Message, u16)>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub async fn start(script: Script) -> Self {
        Self::start_with(script, Streams::Closed).await
    }

    /// One whose TCP connections stay open, but answer the first question alone: as if a router in between had lost them.
    pub async fn start_forgotten(script: Script) -> Self {
        Self::start_with(script, Streams::Forgotten).await
    }

    async fn start_with(script: Script, streams: Streams) -> Self {
        let (udp, tcp) = sockets().await.unwrap();
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, script, Arc::clone(&asked)));
        tasks.spawn(serve_tcp(tcp, script, streams, Arc::clone(&asked)));
        Self { address, asked, _tasks: tasks }
    }

    /// The questions so far, and the ports that they came from.
    pub fn asked(&self) -> Vec<(Way, Message, u16)> {
        self.asked.lock().unwrap().clone()
    }

    pub fn ways(&self) -> Vec<Way> {
        self.asked().into_iter().map(|(way, ..)| way).collect()
    }
}

/// Of one port, which may take some tries: what is free for one kind of socket may be in use for the other.
async fn sockets() -> io::Result<(UdpSocket, TcpListener)> {
    for _ in 0..100 {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr()?).await {
            return Ok((udp, tcp));
        }
    }
    Err(io::Error::other("no port is free for both"))
}

type Asked = Arc<Mutex<Vec<(Way, Message, u16)>>>;

fn answers(script: Script, asked: &Asked, bytes: &[u8], way: Way, port: u16) -> Vec<Vec<u8>> {
    let question = Message::from_vec(bytes).unwrap();
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push((way, question.clone(), port));
        asked.len()
    };
    script(&question, way, number)
}

async fn serve_udp(socket: UdpSocket, script: Script, asked: Asked) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        for answer in answers(script, &asked, &buffer[..length], Way::Udp, peer.port()) {
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Script, streams: Streams, asked: Asked) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        connections.spawn(serve_stream(stream, peer.port(), script, streams, Arc::clone(&asked)));
    }
}

async fn serve_stream(mut stream: TcpStream, port: u16, script: Script, streams: Streams, asked: Asked) {
    let mut is_first = true;
    while let Some(question) = read(&mut stream).await {
        let answers = answers(script, &asked, &question, Way::Tcp, port);
        for answer in answers.iter().filter(|_| is_first) {
            let length = u16::try_from(answer.len()).unwrap();
            let _ = stream.write_u16(length).await;
            let _ = stream.write_all(answer).await;
        }
        if streams == Streams::Closed {
            return;
        }
        is_first = false;
    }
}

async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u16().await.ok()?;
    let mut question = vec![0; usize::from(length)];
    stream.read_exact(&mut question).await.ok()?;
    Some(question)
}

/// An answer without records.
pub fn reply(question: &Message, code: ResponseCode) -> Message {
    let mut reply = Message::response(question.id, question.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.response_code = code;
    reply.metadata.recursion_available = true;
    reply.queries.clone_from(&question.queries);
    reply
}

pub fn wire(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap()
}

pub fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub fn asked_name(question: &Message) -> Name {
    question.queries[0].name().clone()
}

pub fn a(owner: Name, ttl: u32, address: [u8; 4]) -> Record {
    Record::from_rdata(owner, ttl, RData::A(A(address.into())))
}

pub fn cname(owner: Name, ttl: u32, target: &str) -> Record {
    Record::from_rdata(owner, ttl, RData::CNAME(CNAME(name(target))))
}

pub fn txt(owner: Name, pieces: &[&[u8]]) -> Record {
    Record::from_rdata(owner, 60, RData::TXT(TXT::from_bytes(pieces.to_vec())))
}

pub fn soa(ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(name("ns.bl.test."), name("root.bl.test."), 1, 2, 3, 4, minimum);
    Record::from_rdata(name("bl.test."), ttl, RData::SOA(soa))
}

pub fn ns() -> Record {
    Record::from_rdata(name("bl.test."), 60, RData::NS(NS(name("ns.bl.test."))))
}
