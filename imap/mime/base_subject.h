// The base subject by which SORT and THREAD compare messages: what is left when the marks of replies, forwards and
// mailing lists are taken away (RFC 5256 2.1, exactly its seven steps).
// Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm::imap::mime {

struct BaseSubject {
  std::string text;               // as written, case kept
  bool reply_or_forward = false;  // "Re:", "Fwd:", "(fwd)" or "[fwd: …]" was taken away (RFC 5256 3, REFERENCES)
};

// `decoded_utf8`: the Subject field with its encoded words decoded; what is left of folding (CR, LF, tabs) counts as
// blanks. Linear in the length of any text.
[[nodiscard]] BaseSubject base_subject(std::string_view decoded_utf8);

}  // namespace cpm::imap::mime
