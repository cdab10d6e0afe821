// FetchItem: one thing a FETCH asks for. Items are split by file (fetch_small, fetch_body, ext/binary …) and register
// by name; the FETCH command only orders them: UID first, small items as asked, literals last (MSS-82).
// Runs on: session strand.
#pragma once

#include "imap/commands/stored_message.h"
#include "imap/grammar/section.h"
#include "imap/mime/part_map.h"
#include "imap/session/session.h"
#include "schema/fetch.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap {

// One message while its FETCH response is written.
struct FetchMessage {
  Session& session;
  const schema::MessageRow* row = nullptr;  // null when no item needs the store
  schema::MessageFlags flags;
  const schema::KeywordTable& keywords;
  std::optional<mime::PartMap> parts;  // decoded once, on demand

  // REQUIRES: an item asked for kColumnPartMap.
  [[nodiscard]] const mime::PartMap& part_map();
  [[nodiscard]] StoredMessage stored() const;  // REQUIRES: row
};

struct FetchItem {
  virtual ~FetchItem() = default;
  // Two items with the same key are one.
  [[nodiscard]] virtual std::string key() const = 0;
  [[nodiscard]] virtual std::uint32_t columns() const { return 0; }
  [[nodiscard]] virtual bool needs_row() const { return columns() != 0; }
  [[nodiscard]] virtual bool sets_seen() const { return false; }
  [[nodiscard]] virtual bool has_literal() const { return false; }
  // Annotations that it needs of the row; null: none.
  [[nodiscard]] virtual const schema::AnnotationsWanted* annotations() const { return nullptr; }
  // Whether there is something to say of this message; only asked of items with a literal.
  [[nodiscard]] virtual bool present(const FetchMessage&) const { return true; }
  // Before the first word of a FETCH command. An Error is its answer.
  virtual boost::asio::awaitable<Result<void>> prepare(Session& session, const UidSet& uids) const;
  // After the last message, also when the FETCH failed.
  virtual boost::asio::awaitable<void> finish(Session& session) const;
  // Small items write themselves; those with a literal use stream().
  virtual void write(FetchMessage&, wire::Encoder&) const {}
  virtual boost::asio::awaitable<Result<void>> stream(FetchMessage& message) const;
};

// The common small items, for macros and for what CHANGEDSINCE implies.
[[nodiscard]] std::shared_ptr<const FetchItem> uid_item();
[[nodiscard]] std::shared_ptr<const FetchItem> flags_item();
[[nodiscard]] std::shared_ptr<const FetchItem> modseq_item();

// "[" section "]" and what follows, for BODY, BODY.PEEK and the RFC822 forms.
[[nodiscard]] std::shared_ptr<const FetchItem> body_section_item(grammar::Section section,
                                                                 std::optional<grammar::Partial> partial, bool peek,
                                                                 std::string name);

// "(" fetch-att *(SP fetch-att) ")" of another command: what FETCH would read there, in the order it would write.
[[nodiscard]] FetchItems parse_fetch_list(wire::Lexer& lexer, const ParseContext& context);

// UID FETCH of these messages; those that are gone or not in the session's view are left out. CONDSTORE is not enabled
// by it. With Failure something may have been sent: session.mid_response says so.
boost::asio::awaitable<Result<void>> fetch_messages(Session& session, FetchItems items, UidSet uids);

}  // namespace cpm::imap
