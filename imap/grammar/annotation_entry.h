// Names and values of annotations of messages (RFC 5257 3.2, 5): entries ("/comment", "/1.2/flags/seen"), which are
// case-sensitive, patterns of them, and attributes ("value.priv", "size.shared").
// Runs on: any thread. Values.
#pragma once

#include "imap/mime/part_map.h"
#include "imap/wire/lexer.h"
#include "schema/annotations.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::grammar {

// What is wrong with the name of an entry, for the client; empty: nothing.
[[nodiscard]] std::string annotation_fault(std::string_view name, const Limits& limits);
// entry: astring. BAD for a name that cannot be.
[[nodiscard]] std::string parse_annotation_entry(wire::Lexer& lexer);

// The body part that an entry is about, as numbers; empty: the whole message. REQUIRES: annotation_fault() is empty.
[[nodiscard]] std::vector<std::uint32_t> annotated_part(std::string_view entry);
// Whether a message has all the parts that the entries name.
[[nodiscard]] bool has_parts(const mime::PartMap& message, const std::vector<std::string>& entries);
// The same for the store; empty when no entry names a part.
[[nodiscard]] schema::PartCheck part_check(std::vector<std::string> entries);

// entry-match: "*" stands for one or more characters, "%" for such without "/" (RFC 5257 4.3).
class EntryMatch {
 public:
  explicit EntryMatch(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool exact() const { return text_.find_first_of("*%") == std::string::npos; }
  [[nodiscard]] bool matches(std::string_view entry) const;

 private:
  std::string text_;
};
// list-mailbox. BAD for what can match no entry.
[[nodiscard]] EntryMatch parse_entry_match(wire::Lexer& lexer);

// attrib of FETCH: without a suffix both are meant.
struct AnnotationAttribute {
  bool size = false;  // else the value
  bool shared = false;
  bool operator==(const AnnotationAttribute&) const = default;
  [[nodiscard]] std::string name() const;  // "value.priv"
};
void parse_annotation_attribute(wire::Lexer& lexer, std::vector<AnnotationAttribute>& to);

// value: nstring / literal8. NIL is none.
struct AnnotationText {
  std::optional<std::string> octets;
  bool too_long = false;  // above Limits::metadata_value_octets; its octets were not read
};
[[nodiscard]] AnnotationText parse_annotation_value(wire::Lexer& lexer);

// att-annotate behind "ANNOTATION": what STORE and APPEND set. Only entries that are registered or a vendor's (3.2.1).
struct AnnotationSettings {
  struct One {
    std::string entry;
    bool shared = false;
    std::optional<std::string> value;
  };
  std::vector<One> settings;  // of two for one attribute the last counts
  bool too_long = false;      // one of the values is

  [[nodiscard]] std::vector<std::string> entries() const;
  [[nodiscard]] std::vector<schema::AnnotationChange> changes(AccountId user) const;
};
[[nodiscard]] AnnotationSettings parse_annotation_settings(wire::Lexer& lexer);

}  // namespace cpm::imap::grammar
