//! The encoding of SSH's messages (RFC 4251, 5). Nothing is read beyond the end.

/// Reads one value after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| format!("it ends after {} of {length} bytes", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    /// A `uint32`.
    pub(super) fn number(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |sum: u32, byte| (sum << 8) | u32::from(*byte)))
    }

    /// A `string`.
    pub(super) fn string(&mut self) -> Result<&'a [u8], String> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A `string` of printable ASCII.
    pub(super) fn text(&mut self) -> Result<String, String> {
        let bytes = self.string()?;
        if !bytes.iter().all(|byte| (0x21..0x7f).contains(byte)) {
            return Err("a name in it is not printable".into());
        }
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// An `mpint` above zero, without the zero byte before it that makes it positive.
    pub(super) fn integer(&mut self) -> Result<&'a [u8], String> {
        let bytes = self.string()?;
        match bytes {
            [0, rest @ ..] if rest.first().is_some_and(|first| first & 0x80 != 0) => Ok(rest),
            [first, ..] if *first != 0 && first & 0x80 == 0 => Ok(bytes),
            _ => Err("an integer in it is not positive, or not in its shortest form".into()),
        }
    }

    /// That nothing follows.
    pub(super) fn end(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{} bytes behind its end", self.0.len())) }
    }
}

/// Adds a `string`.
pub(super) fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend(bytes);
}
