#include "schema/object_rows.h"

#include "schema/content_rows.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace cpm::schema {

namespace {

void put(nlohmann::json& row, const char* name, const std::string& text) {
  std::string value = clean_fact(text);
  if (!value.empty()) row[name] = std::move(value);
}

}  // namespace

std::string object_row(const ObjectFacts& facts, ContentId content, std::size_t number) {
  nlohmann::json row = {{"n", number},
                        {"content", content.value},
                        {"kind", static_cast<int>(facts.kind)},
                        {"talk", static_cast<int>(talk_of(facts))},
                        {"generation", facts.generation}};
  if (facts.moment) row["moment"] = facts.moment->time_since_epoch().count();
  if (facts.file_size) row["file_size"] = *facts.file_size;
  if (facts.file_parts > 0)
    row["file_parts"] = std::min<int>(facts.file_parts, std::numeric_limits<std::int16_t>::max());
  if (facts.disposition != Disposition::none) row["disposition"] = static_cast<int>(facts.disposition);
  if (facts.group) row["is_group"] = true;
  if (facts.direction == Direction::unknown && !facts.sender.empty()) row["undirected"] = true;
  if (facts.conversation.empty() && (!facts.reports_on.empty() || !facts.in_reply_to.empty())) row["seeks"] = true;
  put(row, "reports_on", facts.reports_on);
  put(row, "conversation", facts.conversation);
  put(row, "in_reply_to", facts.in_reply_to);
  put(row, "correlator", facts.correlator);
  put(row, "context", facts.context);
  put(row, "service", facts.service);
  put(row, "sender", facts.sender);
  put(row, "subject", facts.subject);
  put(row, "preview", facts.preview);
  put(row, "session_type", facts.session_type);
  put(row, "focus", facts.focus);
  put(row, "group_type", facts.group_type);
  put(row, "file_name", facts.file_name);
  put(row, "file_type", facts.file_type);
  if (!facts.participants.empty()) {
    nlohmann::json people = nlohmann::json::array();
    for (const std::string& address : facts.participants) people.push_back(clean_fact(address));
    row["participants"] = std::move(people);
  }
  return row.dump();
}

std::string head_row(const ObjectFacts& facts, ContentId content, std::optional<std::int64_t> thread) {
  nlohmann::json row = {
      {"content", content.value}, {"direction", static_cast<int>(facts.direction)}, {"exact", facts.exact}};
  if (thread) row["thread"] = *thread;
  put(row, "conversation_id", facts.conversation_id);
  put(row, "contribution_id", facts.contribution_id);
  put(row, "imdn_id", facts.imdn_message_id);
  put(row, "message_id", facts.message_id);
  return row.dump();
}

std::optional<std::string> object_rows(std::span<const StagedMessage> messages) {
  std::string out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ObjectFacts& facts = messages[i].message.head.facts;
    if (facts.kind == ObjectKind::mail) continue;
    out += out.empty() ? '[' : ',';
    out += object_row(facts, messages[i].content, i + 1);
  }
  if (out.empty()) return std::nullopt;
  return out + ']';
}

}  // namespace cpm::schema
