//! AMQP by hand, for what no library writes: headers that are tables in tables in tables.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Publishes with tables in so many tables, and waits for the confirmation. By hand: no library writes them.
pub(crate) fn publish((url, queue): (&str, &str), levels: usize, body: &str) {
    let (address, vhost) = url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    let mut client = Raw(TcpStream::connect(address).unwrap());
    client.0.write_all(b"AMQP\0\0\x09\x01").unwrap();
    client.expect(10, 10);
    let login = [&[0; 4], &*short("PLAIN"), &[0, 0, 0, 14], b"\0simpul\0simpul", &*short("en_US")];
    client.method(0, 10, 11, &login.concat());
    let tune = client.expect(10, 30);
    // What the server proposes, and no heartbeat.
    client.method(0, 10, 31, &[&tune[..6], &[0, 0]].concat());
    client.method(0, 10, 40, &[&*short(vhost), &[0, 0]].concat());
    client.expect(10, 41);
    client.method(1, 20, 10, &[0]);
    client.expect(20, 11);
    client.method(1, 85, 10, &[0]);
    client.expect(85, 11);
    client.method(1, 60, 40, &[&[0, 0, 0], &*short(queue), &[0]].concat());
    let size = (body.len() as u64).to_be_bytes();
    // Of the properties the headers alone.
    let head = [&[0, 60, 0, 0], &size[..], &[0x20, 0], &tables(levels)].concat();
    client.frame(2, 1, &head);
    client.frame(3, 1, body.as_bytes());
    client.expect(60, 80);
}

fn tables(levels: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for level in (0..levels).rev() {
        // Everything inside it: for each level a name of one letter, a type and a length.
        let inside = u32::try_from(level * 7).unwrap();
        bytes.extend(inside.to_be_bytes());
        if level > 0 {
            bytes.extend([1, b'a', b'F']);
        }
    }
    bytes
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

struct Raw(TcpStream);

impl Raw {
    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap();
        let head = [&[kind], &channel.to_be_bytes()[..], &size.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload, &[0xce]].concat()).unwrap();
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        self.frame(1, channel, &payload);
    }

    /// The arguments of the next method, which must be this one.
    fn expect(&mut self, class: u16, method: u16) -> Vec<u8> {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).unwrap();
        let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
        let mut payload = vec![0; size as usize + 1];
        self.0.read_exact(&mut payload).unwrap();
        let told = String::from_utf8_lossy(&payload);
        let wanted = [class.to_be_bytes(), method.to_be_bytes()].concat();
        assert_eq!(payload[..4], wanted, "{told}");
        payload[4..].to_vec()
    }
}
