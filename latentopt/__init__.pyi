# The names of `import latentopt as lo`: they stand here alone. Type checkers read them, and so does __init__.py.

from latentopt.directions import AttributeTransfer as AttributeTransfer
from latentopt.directions import Direction as Direction
from latentopt.directions import load_direction as load_direction
from latentopt.directions import mine as mine
from latentopt.editing import Along as Along
from latentopt.editing import AtLeast as AtLeast
from latentopt.editing import AtMost as AtMost
from latentopt.editing import Front as Front
from latentopt.editing import Maximize as Maximize
from latentopt.editing import Minimize as Minimize
from latentopt.editing import Near as Near
from latentopt.editing import Target as Target
from latentopt.editing import TextEditor as TextEditor
from latentopt.editing import Typical as Typical
from latentopt.errors import LatentoptError as LatentoptError
from latentopt.errors import TruncationWarning as TruncationWarning
from latentopt.heads import fit_head as fit_head
from latentopt.heads import load_fitted as load_fitted
from latentopt.heads import load_head as load_head
from latentopt.heads import predict_texts as predict_texts
from latentopt.heads import rows_of as rows_of
from latentopt.heads import save_head as save_head
from latentopt.heads import tune_head as tune_head
from latentopt.model import T5VAE as T5VAE
from latentopt.model import T5VAEConfig as T5VAEConfig
from latentopt.space import LatentSpace as LatentSpace

__version__: str
