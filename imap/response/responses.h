// Typed responses: what a handler may say to a client besides its tagged line (RFC 9051 7). Spelling is here and in
// wire/encoder; the order of items in FETCH is the writer's rule for everybody: UID first, literals last (MSS-82).
// Runs on: session strand.
#pragma once

#include "base/number_set.h"
#include "imap/wire/encoder.h"
#include "schema/mailboxes.h"
#include "schema/message_flags.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cpm::imap {

class Session;

struct Untagged {
  std::string kind;
  std::string code;
  std::string text;
};  // "* OK [CODE] text"
struct Line {
  std::string text;
};  // "* text"
struct Continue {
  std::string text;
};  // "+ text"
struct Exists {
  std::uint32_t count;
};
struct Recent {
  std::uint32_t count;
};
struct Expunge {
  std::uint32_t msn;
};
// Instead of EXPUNGE, once QRESYNC (RFC 7162 3.2.10) or UIDONLY (RFC 9586 3.4) is enabled; `earlier`: gone before the
// session could see them.
struct Vanished {
  UidSet uids;
  bool earlier = false;
};
struct FlagsList {
  std::vector<std::string> names;
};
struct SearchData {
  std::vector<std::uint32_t> numbers;
  std::optional<std::uint64_t> modseq;
};
struct StatusValue {
  StatusValue(std::uint64_t number) : text(std::to_string(number)) {}
  StatusValue(std::string as_written) : text(std::move(as_written)) {}
  std::string text;
};
struct StatusData {
  std::string path;
  std::vector<std::pair<std::string, StatusValue>> items;
};
struct ListData {
  std::string command = "LIST";  // or LSUB
  std::vector<std::string> attributes;
  std::string path;
  std::string old_name;                // OLDNAME, only for sessions with IMAP4rev2
  bool child_info_subscribed = false;  // ("CHILDINFO" ("SUBSCRIBED"))
};
// RFC 4314 3.8.
struct MyRights {
  std::string path;
  std::string rights;
};
// Annotations of a mailbox with their values; none: NIL (RFC 5464 4.4.1).
struct MetadataValues {
  std::string mailbox;
  std::vector<std::pair<std::string, std::optional<std::string>>> values;  // at least one
};
// Annotations that changed, without their values (RFC 5464 4.4.2); an empty mailbox is the server.
struct MetadataNames {
  std::string mailbox;
  std::vector<std::string> entries;  // at least one
};
// "* 5 FETCH (" or, once UIDONLY is enabled, "* 25 UIDFETCH (" (RFC 9586 3.3): how each FETCH response begins.
struct FetchHead {
  std::uint32_t msn;
  std::uint32_t uid;
};
// "* 5 CONVERTED (TAG "a1") (": how each CONVERTED response begins (RFC 5259 8.1). With UIDONLY the number is the UID,
// as in UIDFETCH (docs/decisions/0051-conversions.md).
struct ConvertedHead {
  std::uint32_t msn;
  std::uint32_t uid;
  std::string tag;
};
// The flags of one message, solicited or not. With UIDONLY the UID stands in the head alone.
struct FetchFlags {
  std::uint32_t msn;
  std::uint32_t uid;
  std::optional<std::vector<std::string>> flags;
  std::optional<std::uint64_t> modseq;
  std::vector<std::string> annotations;  // entries that somebody else changed (RFC 5257 4.4)
};

void encode(wire::Encoder& out, const Untagged& response);
void encode(wire::Encoder& out, const Line& response);
void encode(wire::Encoder& out, const Continue& response);
void encode(wire::Encoder& out, const Exists& response);
void encode(wire::Encoder& out, const Recent& response);
void encode(wire::Encoder& out, const Expunge& response);
void encode(wire::Encoder& out, const Vanished& response);
void encode(wire::Encoder& out, const FlagsList& response);
void encode(wire::Encoder& out, const SearchData& response);
void encode(wire::Encoder& out, const StatusData& response);
void encode(wire::Encoder& out, const MyRights& response);
void encode(wire::Encoder& out, const ListData& response);
void encode(wire::Encoder& out, const FetchHead& response);
void encode(wire::Encoder& out, const ConvertedHead& response);
void encode(wire::Encoder& out, const MetadataValues& response);
void encode(wire::Encoder& out, const MetadataNames& response);
void encode(wire::Encoder& out, const FetchFlags& response);

// Flag names as this session may see them: \Recent for IMAP4rev1 sessions, \read-report-sent only for those that know
// it, $MDNSent for the others (MSS-86).
[[nodiscard]] std::vector<std::string> flag_names_for(const Session& session, const schema::MessageFlags& flags,
                                                      const schema::KeywordTable& keywords);

}  // namespace cpm::imap
