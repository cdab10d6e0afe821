// PREVIEW (RFC 8970): FETCH PREVIEW and PREVIEW (LAZY). Made once for a content and kept (schema/conversions.h), in
// words of the message or, where it has none, in ours and the session's language. LAZY gives what is kept, and makes
// others as long as that takes no more than limits.preview_lazy of a FETCH; then NIL.
#include "imap/deliver/preview.h"
#include "base/log.h"
#include "imap/commands/fetch_item.h"
#include "imap/response/language.h"
#include "imap/session/conversions.h"
#include "schema/conversions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace cpm::imap::ext::preview {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeptAtOnce = 200;
constexpr std::chrono::seconds kSoundPatience{3};  // a preview without a length is better than a client that waits

std::string spoken(const Session& session, const Preview& preview) {
  if (preview.ours.empty()) return preview.text;
  std::string words = session.language != nullptr ? session.language->say(preview.ours) : preview.ours;
  if (!preview.text.empty()) words += ": " + preview.text;
  return cut_preview(std::move(words));
}

// Of a message that was not looked at before.
boost::asio::awaitable<Result<Preview>> make(StoredMessage message) {
  auto work = [account = message.account, content = message.row->content, size = message.row->size,
               map = message.row->part_map,
               limits = &message.session.limits()](schema::Transaction& tx) -> Result<Preview> {
    const auto parts = mime::PartMap::decode(map);
    if (!parts) return Preview{};
    schema::ContentSource source(tx, account, content, size);
    return make_preview(source, *parts, *limits);
  };
  auto made = co_await message.session.db(std::move(work), schema::Mode::reads);
  co_return made;
}

// "0:12", of seconds.
std::string minutes(double seconds) {
  const auto all = static_cast<std::uint64_t>(std::lround(std::min(seconds, 1e6)));
  const std::string rest = std::to_string(all % 60);
  return std::to_string(all / 60) + (rest.size() < 2 ? ":0" : ":") + rest;
}

// How long a voice message is. False: it may be told another time.
boost::asio::awaitable<bool> tell_length(StoredMessage message, const mime::PartMap& parts, Preview& preview) {
  Conversions& conversions = *message.session.services.conversions;
  const mime::PartMap::Entry* entry = parts.find(preview.sound);
  if (entry == nullptr) co_return true;
  ConvertSource source;
  source.name = {message.account, message.row->content, ""};
  for (const std::uint32_t number : preview.sound) {
    source.name.part += (source.name.part.empty() ? "" : ".") + std::to_string(number);
  }
  source.header = entry->header;
  source.body = entry->body;
  source.encoding = entry->encoding;
  source.type = entry->media_type;
  ConvertRequest request;
  request.target = "application/json";
  auto made = co_await conversions.convert(std::move(source), std::move(request), kSoundPatience);
  if (!made) co_return false;
  const auto* converted = std::get_if<Converted>(&*made);
  if (converted == nullptr) co_return std::get<ConvertRefusal>(*made).kind != ConvertRefusal::Kind::temporary;
  const auto facts = nlohmann::json::parse(*converted->octets, nullptr, false);
  if (facts.is_object() && facts.contains("duration") && facts["duration"].is_number()) {
    preview.ours += " " + minutes(facts["duration"].get<double>());
  }
  co_return true;
}

class PreviewItem final : public FetchItem {
 public:
  explicit PreviewItem(bool lazy) : lazy_(lazy) {}

  [[nodiscard]] std::string key() const override { return "PREVIEW"; }
  [[nodiscard]] std::uint32_t columns() const override { return schema::kColumnPreview | schema::kColumnPartMap; }
  [[nodiscard]] bool has_literal() const override { return true; }

  boost::asio::awaitable<Result<void>> stream(FetchMessage& message) const override {
    Session& session = message.session;
    std::optional<Preview> preview;
    if (message.row->preview) preview = decode_preview(*message.row->preview);
    if (!preview && !(lazy_ && spent_ >= std::chrono::milliseconds(session.limits().preview_lazy))) {
      const auto begin = Clock::now();
      auto made = co_await make(message.stored());
      spent_ += Clock::now() - begin;
      if (!made) co_return made.error();
      preview = std::move(*made);
      bool final = true;
      if (!preview->sound.empty() && session.services.conversions != nullptr) {
        final = false;
        if (!lazy_) {
          const bool told = co_await tell_length(message.stored(), message.part_map(), *preview);
          final = told;
        }
      }
      if (final) made_.emplace_back(message.row->content, encode(*preview));
      account_ = message.stored().account;
      if (made_.size() >= kKeptAtOnce) co_await keep(session);
    }
    wire::Encoder out = session.out.encoder();
    out.raw("PREVIEW ");
    if (preview) {
      out.string(spoken(session, *preview));
    } else {
      out.raw("NIL");
    }
    co_return Result<void>{};
  }

  boost::asio::awaitable<void> finish(Session& session) const override {
    co_await keep(session);
    spent_ = {};
  }

 private:
  // A preview that is not kept is made again: no reason to fail.
  boost::asio::awaitable<void> keep(Session& session) const {
    if (made_.empty()) co_return;
    log::debug("imap", "previews made", {{"session", session.id}, {"number", std::to_string(made_.size())}});
    auto work = [account = account_, previews = std::exchange(made_, {})](schema::Transaction& tx) -> Result<void> {
      return schema::keep_previews(tx, account, previews);
    };
    auto kept = co_await session.db(std::move(work), schema::Mode::single);
    if (!kept) log::debug("imap", "previews not kept", {{"session", session.id}, {"why", kept.error().detail}});
  }

  const bool lazy_;
  // Of the FETCH that runs; one item belongs to one session.
  mutable Clock::duration spent_{};
  mutable std::vector<std::pair<ContentId, std::string>> made_;
  mutable AccountId account_;
};

// " (LAZY" is ahead: a modifier of FETCH may stand there as well.
bool at_modifiers(const wire::Lexer& lexer) {
  std::string ahead;
  for (std::size_t i = 0; i < 6; ++i) ahead += lexer.peek_at(i);
  const char end = lexer.peek_at(6);
  return wire::iequals(ahead, " (LAZY") && (end == ')' || end == ' ');
}

FetchItems parse(wire::Lexer& lexer, const ParseContext&) {
  bool lazy = false;
  if (at_modifiers(lexer)) {
    lexer.sp();
    lexer.list(false, [&] {
      if (!lexer.try_word("LAZY")) lexer.bad("Unknown modifier of PREVIEW");
      lazy = true;
    });
  }
  return {std::make_shared<PreviewItem>(lazy)};
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "preview";
  extension.rfcs = {"RFC 8970"};
  extension.capabilities = {{"PREVIEW"}};
  extension.fetch_items = {{"PREVIEW", parse}};
  return extension;
}

}  // namespace cpm::imap::ext::preview
