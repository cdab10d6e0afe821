#include "admin/deposit/conversation_reader.h"

#include <gtest/gtest.h>

#include <sstream>

namespace cpm::deposit {
namespace {

bool holds(const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; }

std::string why(const std::string& line) {
  std::istringstream in("\n# a comment\n" + line + "\n");
  ConversationReader reader(in, {});
  const auto facts = reader.next();
  return facts ? std::string("read") : facts.error().text;
}

TEST(ConversationReader, NamesTheLineAndWhatWasMeant) {
  EXPECT_EQ(why(R"({"type":"chat","conversaton":"x"})"),
            "line 3: unknown key \"conversaton\"; did you mean \"conversation\"?");
  EXPECT_EQ(why(R"({"type":"chatt"})"), "line 3: there is no type \"chatt\"; did you mean \"chat\"?");
  EXPECT_TRUE(holds(why(R"({"typ":"chat"})"), "line 3: \"type\" is missing"));
  EXPECT_TRUE(holds(why(R"({"type":"chat","focus":"x"})"), "\"focus\" does not belong to an object of type \"chat\""));
  EXPECT_TRUE(holds(why(R"({"type":"chat","text":5})"), "\"text\" must be a text"));
  EXPECT_TRUE(holds(why(R"({"type":"chat","to":[1]})"), "\"to\" must be a text or a list of texts"));
  EXPECT_TRUE(holds(why(R"({"type":"chat","date":"today"})"), "line 3: \"today\" is not a date"));
  EXPECT_TRUE(holds(why(R"({"type":"chat","generation":3})"), "\"generation\" is 1 or 2"));
  EXPECT_TRUE(
      holds(why(R"({"type":"file","file":{"paht":"x"}})"), "unknown key \"paht\" of a file; did you mean \"path\"?"));
  EXPECT_TRUE(holds(why(R"({"type":"file","file":{"thumbnail":{"url":"u","thumbnail":{}}}})"),
                    "unknown key \"thumbnail\" of a file"));
  EXPECT_TRUE(holds(why(R"({"type":"chat",)"), "line 3: this is not JSON"));
  EXPECT_TRUE(holds(why("[1]"), "line 3: this is not a JSON object"));
  EXPECT_TRUE(holds(why("{\"type\":\"chat\",\"text\":\"\xff\"}"), "this is not JSON"));
  EXPECT_TRUE(holds(why("{\"type\":\"chat\",\"text\":\"" + std::string(ConversationReader::kLongestLine, 'x') + "\"}"),
                    "longer than 4M"));
}

TEST(ConversationReader, GoesOnBehindAMistakeAndFromALine) {
  std::istringstream in("{\n{\"type\":\"chat\",\"id\":\"a\"}\n\n{\"type\":\"chat\",\"id\":\"b\"}");
  ConversationReader reader(in, {});
  EXPECT_FALSE(reader.next());
  EXPECT_EQ((*reader.next())->id, "a");
  EXPECT_EQ((*reader.next())->line, 4U);
  EXPECT_FALSE((*reader.next()).has_value());
  std::istringstream again(in.str());
  ConversationReader later(again, {});
  later.skip_to(3);
  EXPECT_EQ((*later.next())->id, "b");
}

TEST(ConversationReader, ReadsEveryKey) {
  const auto facts =
      read_facts(R"({"type":"file","generation":1,"conversation":"a","contribution":"b","session":"c","in_reply_to":"d",
    "id":"e","message_id":"f","from":"g","to":["h","i"],"direction":"sent","date":"2020-01-01T00:00:00Z","subject":"j","notify":"display",
    "service":"file","session_type":"1-1","participants":["k",{"address":"l","name":"m"}],"flags":["\\Seen"],"expired":true,
    "mailbox":"n","root":"o","headers":{"X-A":"p"},
    "files":[{"path":"/q","name":"r","type":"s/t","id":"u","description":"v","disposition":"inline","sdp":"w","url":"x","until":"y","size":7},"z"]})",
                 "folder");
  ASSERT_TRUE(facts) << facts.error().text;
  EXPECT_EQ(facts->kind, Kind::file);
  EXPECT_EQ(facts->generation, 1);
  EXPECT_EQ(facts->to, (std::vector<std::string>{"h", "i"}));
  EXPECT_EQ(facts->notify, (std::vector<std::string>{"display"}));
  ASSERT_EQ(facts->participants.size(), 2U);
  EXPECT_EQ(facts->participants[1].name, "m");
  ASSERT_EQ(facts->files.size(), 2U);
  EXPECT_EQ(facts->files[0].path, "/q");
  EXPECT_EQ(facts->files[0].size, 7U);
  EXPECT_EQ(facts->files[1].path, "folder/z");
  EXPECT_EQ(facts->headers.front().second, "p");
  EXPECT_TRUE(facts->expired);
}

TEST(ConversationReader, SurvivesDeepNesting) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  EXPECT_FALSE(read_facts("{\"type\":\"file\",\"files\":" + deep + "}", {}));
  EXPECT_FALSE(read_facts("{\"type\":\"chat\",\"headers\":" + deep + "}", {}));
}

}  // namespace
}  // namespace cpm::deposit
