//! The encryption of a backup: the format age, version 1, with a passphrase (<https://age-encryption.org/v1>), so that
//! `age -d` opens a backup without this program. Streamed: one chunk is in memory.

use std::io::{self, BufRead, BufReader, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

const VERSION: &str = "age-encryption.org/v1";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
/// Plaintext bytes of one chunk, and what its tag adds.
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
/// 2^16 blocks of 1 KiB: 64 MiB of memory, which a small box has, and some tenths of a second for each guess.
const WORK: u8 = 16;
/// What a backup may ask for when it is opened: 1 GiB.
const MOST_WORK: u8 = 20;
const MOST_HEADER: u64 = 1 << 10;

/// Why a file cannot be encrypted or opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// It does not begin like a backup.
    #[error("it is not a backup: it is not a file of age with a passphrase")]
    Foreign,
    /// The passphrase does not open it.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// Its header was changed after it was written.
    #[error("its beginning was altered")]
    Header,
    /// It asks for more memory than allowed.
    #[error("its key needs 2^{0} KiB of memory, which this program refuses")]
    Work(u8),
    /// The machine gives no random numbers, or refuses the cipher.
    #[error("this machine cannot encrypt")]
    Cipher,
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SealError::Cipher)?;
    Ok(bytes)
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| SealError::Cipher)
}

/// The key that wraps the file's key.
fn wrap_key(passphrase: &str, salt: &[u8; 16], work: u8) -> Result<LessSafeKey, SealError> {
    let params = scrypt::Params::new(work, 8, 1, 32).map_err(|_| SealError::Work(work))?;
    let mut key = [0; 32];
    let salt = [SALT_LABEL, salt].concat();
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut key).map_err(|_| SealError::Cipher)?;
    cipher(&key)
}

fn derived(file_key: &[u8], salt: &[u8], label: &[u8]) -> Result<[u8; 32], SealError> {
    let mut key = [0; 32];
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(file_key);
    let filled = secret.expand(&[label], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
    filled.map(|()| key).map_err(|_| SealError::Cipher)
}

fn header_key(file_key: &[u8]) -> Result<hmac::Key, SealError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived(file_key, &[], b"header")?))
}

/// Counts the chunks of a file; each has a nonce of its own, and the last one is marked.
struct SealedChunks {
    key: LessSafeKey,
    count: u64,
}

impl SealedChunks {
    fn new(file_key: &[u8], nonce: &[u8; 16]) -> Result<SealedChunks, SealError> {
        Ok(SealedChunks { key: cipher(&derived(file_key, nonce, b"payload")?)?, count: 0 })
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.count.to_be_bytes());
        nonce[11] = last.into();
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::empty(), chunk);
        sealed.map_err(|_| io::Error::other("a chunk cannot be encrypted"))
    }

    fn open(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last);
        let length = self.key.open_in_place(nonce, Aad::empty(), chunk).map(|plain| plain.len());
        let cause = "it is cut off, or was altered";
        chunk.truncate(length.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, cause))?);
        Ok(())
    }
}

/// Encrypts what is written into it. Without [`SealedWriter::finish`] the file counts as cut off.
pub(super) struct SealedWriter<W> {
    out: W,
    chunks: SealedChunks,
    waiting: Vec<u8>,
}

impl<W: Write> SealedWriter<W> {
    pub(super) fn begin(mut out: W, passphrase: &str) -> Result<SealedWriter<W>, SealError> {
        let (file_key, salt, nonce) = (random::<16>()?, random::<16>()?, random::<16>()?);
        let mut body = file_key.to_vec();
        let none = Nonce::assume_unique_for_key([0; 12]);
        let wrapped =
            wrap_key(passphrase, &salt, WORK)?.seal_in_place_append_tag(none, Aad::empty(), &mut body);
        wrapped.map_err(|_| SealError::Cipher)?;
        let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let header = format!("{VERSION}\n-> scrypt {} {WORK}\n{}\n---", encode(&salt), encode(&body));
        let mac = hmac::sign(&header_key(&file_key)?, header.as_bytes());
        writeln!(out, "{header} {}", encode(mac.as_ref()))?;
        out.write_all(&nonce)?;
        let waiting = Vec::with_capacity(CHUNK + TAG);
        Ok(SealedWriter { out, chunks: SealedChunks::new(&file_key, &nonce)?, waiting })
    }

    /// Writes the last chunk.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.flush_chunk(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush_chunk(&mut self, last: bool) -> io::Result<()> {
        self.chunks.seal(&mut self.waiting, last)?;
        self.out.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only when more comes: the last chunk is never empty.
        if self.waiting.len() == CHUNK && !bytes.is_empty() {
            self.flush_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts what is read from it; an error where the file was altered or is cut off.
pub(super) struct SealedReader<R> {
    input: R,
    chunks: SealedChunks,
    /// The chunk that was read ahead, still encrypted; empty at the end.
    ahead: Vec<u8>,
    plain: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: Read> SealedReader<BufReader<R>> {
    pub(super) fn open(input: R, passphrase: &str) -> Result<SealedReader<BufReader<R>>, SealError> {
        let mut input = BufReader::new(input);
        let mut lines = Vec::new();
        for _ in 0..4 {
            let mut line = Vec::new();
            input.by_ref().take(MOST_HEADER).read_until(b'\n', &mut line)?;
            let line =
                String::from_utf8(line).ok().and_then(|line| Some(line.strip_suffix('\n')?.to_owned()));
            lines.push(line.ok_or(SealError::Foreign)?);
        }
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| SealError::Foreign);
        let stanza: Vec<&str> = lines[1].split(' ').collect();
        let (["->", "scrypt", salt, work], true) = (&stanza[..], lines[0] == VERSION) else {
            return Err(SealError::Foreign);
        };
        let salt: [u8; 16] = decode(salt)?.try_into().map_err(|_| SealError::Foreign)?;
        let work: u8 = work.parse().map_err(|_| SealError::Foreign)?;
        if work > MOST_WORK {
            return Err(SealError::Work(work));
        }
        let mut body = decode(&lines[2])?;
        let none = Nonce::assume_unique_for_key([0; 12]);
        let opened = wrap_key(passphrase, &salt, work)?.open_in_place(none, Aad::empty(), &mut body);
        let file_key = opened.map_err(|_| SealError::Passphrase)?.to_vec();
        let mac = lines[3].strip_prefix("--- ").ok_or(SealError::Foreign)?;
        let header = format!("{}\n{}\n{}\n---", lines[0], lines[1], lines[2]);
        hmac::verify(&header_key(&file_key)?, header.as_bytes(), &decode(mac)?)
            .map_err(|_| SealError::Header)?;
        let mut nonce = [0; 16];
        input.read_exact(&mut nonce)?;
        let chunks = SealedChunks::new(&file_key, &nonce)?;
        let mut reader =
            SealedReader { input, chunks, ahead: Vec::new(), plain: Vec::new(), taken: 0, ended: false };
        reader.read_ahead()?;
        Ok(reader)
    }
}

impl<R: Read> SealedReader<R> {
    fn read_ahead(&mut self) -> io::Result<()> {
        self.ahead.clear();
        self.input.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut self.ahead).map(drop)
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.plain.len() && !self.ended {
            std::mem::swap(&mut self.plain, &mut self.ahead);
            self.read_ahead()?;
            let last = self.ahead.is_empty();
            self.chunks.open(&mut self.plain, last)?;
            (self.taken, self.ended) = (0, last);
        }
        let given = out.len().min(self.plain.len() - self.taken);
        out[..given].copy_from_slice(&self.plain[self.taken..self.taken + given]);
        self.taken += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut writer = SealedWriter::begin(Vec::new(), "a passphrase").unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    fn opened(file: &[u8], passphrase: &str) -> Result<Vec<u8>, SealError> {
        let mut plain = Vec::new();
        SealedReader::open(file, passphrase)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_passphrase_alone_and_every_change_is_seen() {
        let plain: Vec<u8> = (0..2 * CHUNK + 100).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, CHUNK, CHUNK + 1, plain.len()] {
            let file = sealed(&plain[..length]);
            assert_eq!(opened(&file, "a passphrase").unwrap(), plain[..length], "{length}");
        }
        let file = sealed(&plain);
        assert!(matches!(opened(&file, "another"), Err(SealError::Passphrase)));
        assert!(matches!(opened(b"what is this?\n\n\n\n", "a"), Err(SealError::Foreign)));
        // Also at the border of two chunks.
        let border = file.len() - 100 - TAG;
        for length in [10, 150, 200, border, border + 1, file.len() - 1] {
            assert!(opened(&file[..length], "a passphrase").is_err(), "cut off at {length}");
        }
        for at in [0, 30, 60, 130, 190, 300, border, file.len() - 1] {
            let mut altered = file.clone();
            altered[at] ^= 1;
            assert!(opened(&altered, "a passphrase").is_err(), "altered at {at}");
        }
        let greedy = String::from_utf8_lossy(&file).replacen(" 16\n", " 30\n", 1);
        assert!(matches!(opened(greedy.as_bytes(), "a"), Err(SealError::Work(30))));
    }
}
