// Messages for the MIME tests, and short ways to parse them.
// Runs on: any thread.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/mime/part_map.h"
#include "imap/mime/structure.h"

#include <string>
#include <string_view>

namespace cpm::imap::mime::test {

// Test messages are written with LF; on the wire and in the store lines end with CRLF.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

inline Part parse(std::string_view octets, const Limits& limits = {}) {
  MemorySource source(octets);
  return parse_structure(source, limits);
}

inline std::string body_of(std::string_view octets, const Part& part) {
  return std::string(octets.substr(part.body_begin, part.body_end - part.body_begin));
}
inline std::string header_of(std::string_view octets, const Part& part) {
  return std::string(octets.substr(part.header_begin, part.header_end - part.header_begin));
}

// The example of RFC 3501 6.4.5, with one line of text in each part.
inline std::string rfc3501_example() {
  return crlf(
      "From: top@example.net\nSubject: top\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=outer\n\n"
      "preamble\n"
      "--outer\nContent-Type: text/plain\n\nbody 1\n"
      "--outer\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nYm9keSAy\n"
      "--outer\nContent-Type: message/rfc822\n\n"
      "Subject: third\nContent-Type: multipart/mixed; boundary=three\n\n"
      "--three\nContent-Type: text/plain\n\nbody 3.1\n"
      "--three\nContent-Type: application/octet-stream\n\nbody 3.2\n"
      "--three--\n"
      "--outer\nContent-Type: multipart/mixed; boundary=four\n\n"
      "--four\nContent-Type: image/gif\nContent-ID: <gif@example.net>\n\nbody 4.1\n"
      "--four\nContent-Type: message/rfc822\n\n"
      "Subject: four two\nContent-Type: multipart/mixed; boundary=fourtwo\n\n"
      "--fourtwo\nContent-Type: text/plain\n\nbody 4.2.1\n"
      "--fourtwo\nContent-Type: multipart/alternative; boundary=alt\n\n"
      "--alt\nContent-Type: text/plain\n\nbody 4.2.2.1\n"
      "--alt\nContent-Type: text/richtext\n\nbody 4.2.2.2\n"
      "--alt--\n"
      "--fourtwo--\n"
      "--four--\n"
      "--outer--\nepilogue\n");
}

}  // namespace cpm::imap::mime::test
