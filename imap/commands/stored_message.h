// Octets of a stored message on their way out: a section becomes a range of octets by the part map, what is large is
// read and sent in bounded pieces, parts are decoded as they stream. FETCH, URLFETCH and CATENATE read through here; it
// asks for no rights: who has the row was given it by a Grant.
// Runs on: session strand.
#pragma once

#include "imap/grammar/section.h"
#include "imap/mime/part_map.h"
#include "imap/session/session.h"
#include "schema/fetch.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cpm::imap {

struct StoredMessage {
  Session& session;
  AccountId account;  // whose store it is in
  const schema::MessageRow* row = nullptr;
};

// Octets [begin, end), from what was read already or from the store. REQUIRES: a bounded length.
boost::asio::awaitable<Result<std::string>> read_stored(StoredMessage message, std::uint64_t begin, std::uint64_t end);

// Sends octets [begin, end) with bounded memory and back-pressure; the head of the literal is written already.
boost::asio::awaitable<Result<void>> stream_stored(StoredMessage message, std::uint64_t begin, std::uint64_t end);

// -- sections

struct SectionOctets {
  mime::OctetRange range;           // of the message
  std::optional<std::string> text;  // instead: a header that is not sent as it is stored
  [[nodiscard]] std::uint64_t size() const { return text ? text->size() : range.size(); }
  void cut(std::uint64_t offset, std::uint64_t length);  // to a part of it
};
// None: the message has no such section. `parts` may be null for BODY[].
boost::asio::awaitable<Result<std::optional<SectionOctets>>> find_section(StoredMessage message,
                                                                          const mime::PartMap* parts,
                                                                          const grammar::Section& section);

// -- parts without their transfer encoding (RFC 3516)

struct BinaryTarget {
  mime::OctetRange range;
  mime::Encoding encoding = mime::Encoding::identity;
};
// The decodable body of a part; multiparts and whole messages are taken as they are. None: there is no such part.
[[nodiscard]] std::optional<BinaryTarget> binary_target(const schema::MessageRow& row, const mime::PartMap& parts,
                                                        const std::vector<std::uint32_t>& path);

struct DecodedFacts {
  std::uint64_t size = 0;   // octets after decoding
  std::uint64_t lines = 0;  // line feeds among them
  bool nul = false;         // in the range that is asked for
};
// Reads all of it. `partial`: counts decoded octets.
boost::asio::awaitable<Result<DecodedFacts>> measure_decoded(StoredMessage message, BinaryTarget target,
                                                             std::optional<grammar::Partial> partial);

// A literal, or a literal8 when it has to be one.
boost::asio::awaitable<Result<void>> stream_decoded(StoredMessage message, BinaryTarget target, DecodedFacts facts,
                                                    std::optional<grammar::Partial> partial);

}  // namespace cpm::imap
