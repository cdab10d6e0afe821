// Fuzz target: an object in, its facts out: storable and bounded whatever the octets. The same octets are read as an
// event document, as a list of people and as the path of a mailbox.
#include "base/byte_source.h"
#include "imap/cpm/event_document.h"
#include "imap/cpm/facts.h"
#include "imap/cpm/layout.h"
#include "imap/cpm/parties.h"
#include "imap/mime/charset.h"
#include "imap/mime/structure.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using namespace cpm;
using namespace cpm::imap;
using cpm_objects::Place;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const std::string& text) {
  require(text.size() <= 1000 && text.find('\0') == std::string::npos && mime::valid_in(text, "utf-8"));
}

void check(const schema::ObjectFacts& facts) {
  for (const std::string* text :
       {&facts.conversation_id, &facts.contribution_id, &facts.imdn_message_id, &facts.message_id, &facts.conversation,
        &facts.in_reply_to, &facts.correlator, &facts.context, &facts.service, &facts.sender, &facts.subject,
        &facts.preview, &facts.session_type, &facts.focus, &facts.group_type, &facts.file_name, &facts.file_type,
        &facts.reports_on})
    check(*text);
  require(facts.participants.size() <= 200 && std::is_sorted(facts.participants.begin(), facts.participants.end()));
  for (const std::string& address : facts.participants) {
    check(address);
    require(cpm_objects::canonical_address(address) == address);
  }
  require(facts.sender.empty() || cpm_objects::canonical_address(facts.sender) == facts.sender);
  require(facts.file_parts >= 0 && facts.generation >= 0 && facts.generation <= 2);
  if (facts.kind != schema::ObjectKind::mail) return;
  require(facts.participants.empty() && facts.preview.empty() && facts.conversation.empty() && facts.context.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  MemorySource source(octets);
  const mime::Part message = mime::parse_structure(source, {});
  const std::string_view header = octets.substr(0, message.header_end);
  const Place session{Place::Kind::session, "gc-51ab", "gc-51ab"};
  const Place party{Place::Kind::conversation, "tel:+33600000002", ""};
  check(cpm_objects::recognise(header, source, message, {}));
  check(cpm_objects::recognise(header, source, message, session));
  check(cpm_objects::recognise(header, source, message, party));

  const auto events = cpm_objects::read_event_document(octets);
  if (events) {
    for (const auto& operation : events->operations) {
      require(!operation.flag.empty());
      for (const auto& object : operation.objects) {
        require((object.uid != 0 && !object.folder.empty()) || !object.message_id.empty());
        check(object.message_id);
        check(object.folder);
      }
    }
  } else {
    require(!events.error().text.empty());
  }
  for (const std::string& address : cpm_objects::read_parties(octets))
    require(cpm_objects::canonical_address(address) == address);
  static const std::vector<std::string> roots = {"Default", "Default/old"};
  const Place place = cpm_objects::place_of(octets, roots);
  require((place.kind == Place::Kind::session) >= !place.session.empty());
  return 0;
}
