#include "imap/cpm/event_request.h"

#include "base/imap_words.h"
#include "imap/cpm/layout.h"

#include <algorithm>

namespace cpm::imap::cpm_objects {

namespace {

Result<schema::FlagSet> flag_of(const std::string& name, const Limits& limits) {
  schema::FlagSet flags;
  flags.bits = schema::flag_bit(name);
  if (flags.bits != 0) return flags;
  if (!is_atom(name)) return fail(Failure::invalid, "the flag \"" + name + "\" cannot be stored");
  if (name.size() > limits.keyword_octets) return fail(Failure::invalid, "the flag \"" + name + "\" is too long");
  flags.keywords.push_back(name);
  return flags;
}

}  // namespace

Result<schema::EventRequest> read_event(std::string_view octets, const Limits& limits) {
  CPM_TRY(document, read_event_document(octets));
  schema::EventRequest out;
  for (EventOperation& operation : document.operations) {
    CPM_TRY(flags, flag_of(operation.flag, limits));
    schema::EventOperation one;
    one.add = operation.add;
    one.flags = flags;
    for (EventObject& object : operation.objects) {
      capitalise_inbox(object.folder);
      std::string party;
      if (!object.other_party.empty()) party = canonical_address(object.other_party).value_or(object.other_party);
      constexpr std::uint32_t kGreatestUid = 0x7fffffff;  // no message has it: those above are as little found
      one.objects.push_back({Uid{std::min(object.uid, kGreatestUid)}, std::move(object.folder),
                             std::move(object.message_id), std::move(object.conversation_id),
                             std::move(object.contribution_id), std::move(party)});
    }
    out.operations.push_back(std::move(one));
  }
  return out;
}

std::string_view outcome_name(schema::EventOutcome outcome) {
  switch (outcome) {
    case schema::EventOutcome::applied: return "APPLIED";
    case schema::EventOutcome::unchanged: return "UNCHANGED";
    case schema::EventOutcome::not_found: break;
  }
  return "NOTFOUND";
}

}  // namespace cpm::imap::cpm_objects
