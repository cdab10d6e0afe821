#include "imap/cpm/session_object.h"

#include "imap/cpm/text.h"
#include "imap/cpm/xml.h"
#include "imap/mime/header.h"

#include <array>
#include <optional>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kMostMedia = 1000;
constexpr std::size_t kMostLists = 100;

enum class Element { type, participants, object, cid, sdp };
struct Known {
  std::string_view name;
  Element element;
};
constexpr std::array<Known, 7> kKnown = {{{"session-type", Element::type},
                                          {"file-transfer-type", Element::type},
                                          {"invited-participants", Element::participants},
                                          {"media-object", Element::object},
                                          {"file-object", Element::object},
                                          {"cid", Element::cid},
                                          {"sdp", Element::sdp}}};

struct Tag {
  Element element = Element::type;
  bool closes = false;
  std::size_t begin = 0;  // of "<"
  std::size_t end = 0;    // behind ">"
};

// The tag at `at`, which is at "<"; nothing if it is none of those that are known.
std::optional<Tag> tag_at(std::string_view text, std::size_t at) {
  Tag tag;
  tag.begin = at++;
  if (at < text.size() && text[at] == '/') {
    tag.closes = true;
    ++at;
  }
  const std::string_view rest = text.substr(at, 64);
  std::string_view name = rest.substr(0, rest.find_first_of("> \t\r\n/"));
  const std::size_t length = name.size();
  if (const auto colon = name.find(':'); colon != std::string_view::npos) name.remove_prefix(colon + 1);
  for (const Known& known : kKnown) {
    if (!mime::equals_ignore_case(known.name, name)) continue;
    tag.element = known.element;
    // Attributes are short where there are any.
    const auto close = text.substr(at, length + 200).find('>', length);
    tag.end = close == std::string_view::npos ? at + length : at + close + 1;
    return tag;
  }
  return std::nullopt;
}

// The five entities of XML, as writers escape "<" and "&" in addresses.
std::string resolve_entities(std::string_view text) {
  struct Entity {
    std::string_view name;
    char value;
  };
  static constexpr std::array<Entity, 5> kEntities = {
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    bool found = false;
    for (const Entity& entity : kEntities) {
      if (!text.substr(at).starts_with(entity.name)) continue;
      out += entity.value;
      at += entity.name.size();
      found = true;
      break;
    }
    if (!found) out += text[at++];
  }
  return out;
}

SessionObject::Medium& last_medium(SessionObject& into) {
  if (into.media.empty()) into.media.emplace_back();
  return into.media.back();
}

void keep(SessionObject& into, Element element, std::string_view text, bool in_object) {
  std::string value = resolve_entities(trim(text));
  switch (element) {
    case Element::type:
      if (into.type.empty()) into.type = std::move(value);
      return;
    case Element::participants:
      if (into.participants.size() < kMostLists) into.participants.push_back(std::move(value));
      return;
    case Element::cid: last_medium(into).cid = bare_content_id(value); return;
    case Element::sdp: (in_object ? last_medium(into).sdp : into.sdp) = std::move(value); return;
    case Element::object: return;
  }
}

// One pass over the tags; an element that nothing closes ends with its line.
void scan(std::string_view text, SessionObject& into) {
  std::optional<Tag> open;
  bool in_object = false;
  const auto abandon = [&](std::size_t before) {
    if (!open) return;
    std::string_view rest = trim(text.substr(open->end, before - open->end));
    keep(into, open->element, rest.substr(0, rest.find('\n')), in_object);
    open.reset();
  };
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    const auto tag = tag_at(text, at);
    at = tag ? tag->end : at + 1;
    if (!tag) continue;
    if (tag->closes && open && open->element == tag->element) {
      keep(into, open->element, text.substr(open->end, tag->begin - open->end), in_object);
      open.reset();
      continue;
    }
    abandon(tag->begin);
    if (tag->element == Element::object) {
      in_object = !tag->closes;
      if (in_object && into.media.size() < kMostMedia) into.media.emplace_back();
    } else if (!tag->closes) {
      open = tag;
    }
  }
  abandon(text.size());
}

// A document of the second generation begins so; "<session-type>" does not.
bool has_document(std::string_view text) {
  for (auto at = text.find("session"); at != std::string_view::npos; at = text.find("session", at + 1)) {
    if (at == 0 || (text[at - 1] != '<' && text[at - 1] != ':')) continue;
    const std::string_view rest = text.substr(at + 7, 1);
    if (!rest.empty() && std::string_view("> \t\r\n/").find(rest[0]) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string_view bare_content_id(std::string_view text) {
  text = trim(text);
  if (text.size() >= 4 && mime::equals_ignore_case(text.substr(0, 4), "cid:")) text = trim(text.substr(4));
  if (text.starts_with('<')) text.remove_prefix(1);
  if (text.ends_with('>')) text.remove_suffix(1);
  return text;
}

SessionObject read_session_object(std::string_view text) {
  SessionObject object;
  if (has_document(text)) {
    const Xml xml(text);
    const pugi::xml_node session = xml.root("session");
    object.type = text_of(child(session, "session-type"));
    object.sdp = text_of(child(session, "sdp"));
    for (const auto& node : session.children())
      if (local_name(node) == "invited-participants" && object.participants.size() < kMostLists)
        object.participants.push_back(text_of(node));
    if (xml.well_formed || (!object.type.empty() && !object.participants.empty())) return object;
    object = {};
  }
  scan(text, object);
  return object;
}

}  // namespace cpm::imap::cpm_objects
